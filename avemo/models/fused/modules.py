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
        own = {name: inputs[name] for name in module.input}
        # a part that does not learn answers as it does alone, its dropout asleep
        vector = module(own) if learn else module(own, training=False)
        vectors.append(layers.BatchNormalization(momentum=0.9)(vector))
    x = layers.Concatenate()(vectors)
    x = layers.Dropout(hp.Float("dropout", 0.2, 0.6, step=0.1, default=0.4))(x)
    return layers.Dense(hp.Choice("dense", [32, 64, 128], default=64), activation="relu")(x)
