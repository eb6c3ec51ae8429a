"""Weights as Keras 2 wrote them, in HDF5, whatever the file and its layers are called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

__all__ = ["load_keras2_weights"]


def load_keras2_weights(model: keras.Model, file: Path) -> None:
    """Set a network's weights to those of the same network in a file, layer by layer.

    Args:
        model: its layers stand in the order in which Keras 2 wrote them
        file: of the weights alone, or of the complete model

    Raises:
        OSError: it is no HDF5 file
        KeyError: it holds no network
        ValueError: it holds another network
    """
    import h5py

    with h5py.File(file) as content:
        layers = content.get("model_weights", content)
        groups = [layers[name] for name in layers.attrs["layer_names"]]
        values = [group[name][()] for group in groups for name in group.attrs["weight_names"]]
    model.set_weights(values)
