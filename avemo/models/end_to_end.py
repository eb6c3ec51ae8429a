"""A late fusion as one network, from the features of both modalities to the fused probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..modalities import Unimodal
from .bundle import Bundle
from .weighted_product import MIN_PROBABILITY

if TYPE_CHECKING:
    import keras

__all__ = ["build_end_to_end", "feature_name"]


def feature_name(modality: Unimodal) -> str:
    """Return the name of a modality's log probabilities as a feature."""
    return f"{modality}_log_probabilities"


def build_end_to_end(network: keras.Model, bundles: Mapping[Unimodal, Bundle]) -> keras.Model:
    """Return the network from the features of both modalities to the fused probabilities.

    A modality whose features are all zero counts as missing.

    Args:
        network: a late fusion, which takes log probabilities, and maybe features
        bundles: the trained unimodal models
    """
    import keras
    from keras import ops

    from .layers.modality_dropout import modality_mask

    inputs: dict[str, keras.KerasTensor] = {}
    fused: dict[str, keras.KerasTensor] = {}
    for modality, bundle in bundles.items():
        if feature_name(modality) not in network.input:
            continue
        own = {
            name: keras.Input(preprocessor.shape, name=name)
            for name, preprocessor in bundle.preprocessors.items()
        }
        model = keras.Model(bundle.network.input, bundle.network.output, name=modality)
        logarithms = ops.log(ops.maximum(model(own), MIN_PROBABILITY))
        masked = logarithms * modality_mask(list(own.values()))
        fused[feature_name(modality)] = masked[:, None]
        inputs |= own
    for name, tensor in network.input.items():
        if name not in fused:
            fused[name] = inputs[name] = keras.Input(tensor.shape[1:], name=name)
    return keras.Model(inputs, network(fused))
