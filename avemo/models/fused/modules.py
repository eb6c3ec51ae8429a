"""One module for each type of input: the two trained models without their heads, joined."""

from typing import Any

__all__ = ["INPUTS", "embed"]

#: none of its own: those of the parts
INPUTS = ()


def embed(hp: Any, inputs: dict[str, Any], parts: dict[str, Any]) -> Any:
    """The embeddings of the audio and the visual model, to one vector a clip."""
    import keras
    from keras import layers

    learn = hp.Boolean("train_parts", default=False)
    vectors = []
    for modality, part in parts.items():
        # a copy: what one trial learns must not reach the next
        module = keras.models.clone_model(part)
        module.set_weights(part.get_weights())
        module = keras.Model(module.input, module.get_layer("embedding").output, name=modality)
        module.trainable = learn
        if not learn:
            _without_dropout(module)
        vector = module({name: inputs[name] for name in module.input})
        vectors.append(layers.BatchNormalization(momentum=0.9)(vector))
    x = layers.Concatenate()(vectors)
    x = layers.Dropout(hp.Float("dropout", 0.2, 0.6, step=0.1, default=0.4))(x)
    return layers.Dense(hp.Choice("dense", [32, 64, 128], default=64), activation="relu")(x)


def _without_dropout(module: Any) -> None:
    """A part that does not learn answers as it does alone.

    `training=False` is not enough: the outer model's own `training` takes its place.
    """
    from keras import layers

    for layer in module._flatten_layers():
        if isinstance(layer, layers.Dropout):  # SpatialDropout is one, too
            layer.rate = 0.0
