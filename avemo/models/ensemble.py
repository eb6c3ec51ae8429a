"""Networks that average: over several networks, and over altered copies of a clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .weighted_product import MIN_PROBABILITY

if TYPE_CHECKING:
    import keras

__all__ = ["tta_average", "weighted_ensemble"]


def tta_average(network: keras.Model, views: Mapping[str, Sequence[str]]) -> keras.Model:
    """Return a network that averages its probabilities over a clip and altered copies of it.

    Args:
        network: takes some features by name
        views: by feature, the features of altered copies that are put in its place

    Returns:
        a Keras model of the network's features and the views; the network itself without views
    """
    import keras
    from keras import ops

    if not views:
        return network
    # for inference, without optimiser and metrics
    network = keras.Model(network.input, network.output, name=network.name)
    inputs = {
        name: keras.Input(tensor.shape[1:], name=name) for name, tensor in network.input.items()
    }
    copies = {
        view: keras.Input(inputs[feature].shape[1:], name=view)
        for feature, names in views.items()
        for view in names
    }
    variants = [inputs]
    variants += [
        inputs | {feature: copies[view]} for feature, names in views.items() for view in names
    ]
    mean = ops.mean(ops.stack([network(variant) for variant in variants]), axis=0)
    return keras.Model(inputs | copies, mean, name=f"{network.name}_tta")


def weighted_ensemble(
    members: Sequence[keras.Model], weights: Sequence[float], temperature: float
) -> keras.Model:
    """Return the network of the members' weighted mean probabilities, with temperature scaling.

    Args:
        members: each takes some features by name
        weights: how much each member counts; they sum to one
        temperature: above one makes the probabilities less confident, see `evaluation.calibration`

    Returns:
        a Keras model of all their features
    """
    import keras
    from keras import layers, ops

    shapes = {name: tensor.shape[1:] for member in members for name, tensor in member.input.items()}
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    weighted = []
    for index, (member, weight) in enumerate(zip(members, weights, strict=True)):
        # members of one architecture share a name, and Keras refuses two layers of one name
        renamed = keras.Model(member.input, member.output, name=f"member_{index}")
        weighted.append(renamed({name: inputs[name] for name in renamed.input}) * weight)
    mean = ops.sum(ops.stack(weighted), axis=0)
    logits = ops.log(ops.maximum(mean, MIN_PROBABILITY)) / temperature
    return keras.Model(inputs, layers.Softmax(name="emotion")(logits))
