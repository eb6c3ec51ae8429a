"""Architectures: Keras Tuner hypermodels, one a file, one folder a modality."""
