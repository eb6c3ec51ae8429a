"""Several answers made one: of several networks, and of one network to several takes of a clip."""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["averaged", "join"]

#: a probability of zero has no logarithm
_SMALLEST = 1e-7


def averaged(network: Any, views: Mapping[str, Sequence[str]]) -> Any:
    """A network that is asked about altered copies, too, and answers with the mean.

    Args:
        network: takes some features by name
        views: for a feature, those that are put in its place

    Returns:
        a Keras model of the network's features and these; the network itself where there are none
    """
    import keras
    from keras import ops

    if not views:
        return network
    # as it answers, without what it was fitted with
    network = keras.Model(network.input, network.output, name=network.name)
    own = {name: keras.Input(tensor.shape[1:], name=name) for name, tensor in network.input.items()}
    more = {
        view: keras.Input(own[feature].shape[1:], name=view)
        for feature, others in views.items()
        for view in others
    }
    takes = [own]
    takes += [own | {feature: more[view]} for feature, others in views.items() for view in others]
    mean = ops.mean(ops.stack([network(take) for take in takes]), axis=0)
    return keras.Model(own | more, mean, name=f"{network.name}_averaged")


def join(members: Sequence[Any], weights: Sequence[float], temperature: float) -> Any:
    """One network of several, their probabilities averaged and their confidence set right.

    Args:
        members: each takes some features by name
        weights: how much each counts; they sum to one
        temperature: above one makes the answer less sure, see `evaluation.calibration`

    Returns:
        a Keras model of all their features
    """
    import keras
    from keras import layers, ops

    shapes = {name: tensor.shape[1:] for one in members for name, tensor in one.input.items()}
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    answers = []
    for place, (member, weight) in enumerate(zip(members, weights, strict=True)):
        # members of one architecture have one name
        named = keras.Model(member.input, member.output, name=f"member_{place}")
        answers.append(named({name: inputs[name] for name in named.input}) * weight)
    mean = ops.sum(ops.stack(answers), axis=0)
    scaled = ops.log(ops.maximum(mean, _SMALLEST)) / temperature
    return keras.Model(inputs, layers.Softmax(name="emotion")(scaled))
