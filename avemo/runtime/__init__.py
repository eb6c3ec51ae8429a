"""Networks as ONNX graphs: exported from Keras once, run without TensorFlow ever after."""
