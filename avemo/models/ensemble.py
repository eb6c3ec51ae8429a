"""Several networks that answer as one: their probabilities averaged, their confidence set right."""

from collections.abc import Sequence
from typing import Any

__all__ = ["join"]

#: a probability of zero has no logarithm
_SMALLEST = 1e-7


def join(members: Sequence[Any], weights: Sequence[float], temperature: float) -> Any:
    """One network of several that `hypermodel.Architectures` built.

    Args:
        members: each takes some features by name, and ends in the layers `embedding` and `emotion`
        weights: how much each counts; they sum to one
        temperature: above one makes the answer less sure, see `evaluation.calibration`

    Returns:
        a Keras model of all their features, with the layers `embedding` (the members', side by
        side) and `emotion`
    """
    import keras
    from keras import layers, ops

    shapes = {name: tensor.shape[1:] for one in members for name, tensor in one.input.items()}
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    bodies = [
        keras.Model(one.input, one.get_layer("embedding").output, name=f"member_{place}")
        for place, one in enumerate(members)
    ]
    vectors = [body({name: inputs[name] for name in body.input}) for body in bodies]
    embedding = vectors[0] if len(vectors) == 1 else layers.Concatenate()(vectors)
    embedding = layers.Identity(name="embedding")(embedding)
    answers, start = [], 0
    for place, (member, vector, weight) in enumerate(zip(members, vectors, weights, strict=True)):
        stop = start + vector.shape[1]
        head = layers.Dense(member.output.shape[1], activation="softmax", name=f"head_{place}")
        answers.append(head(embedding[:, start:stop]) * weight)
        head.set_weights(member.get_layer("emotion").get_weights())
        start = stop
    mean = ops.sum(ops.stack(answers), axis=0)
    scaled = ops.log(ops.maximum(mean, _SMALLEST)) / temperature
    return keras.Model(inputs, layers.Softmax(name="emotion")(scaled))
