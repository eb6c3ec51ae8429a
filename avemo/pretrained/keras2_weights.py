"""Weights as Keras 2 wrote them, in HDF5, whatever the file and its layers are called."""

from pathlib import Path
from typing import Any

__all__ = ["fill"]


def fill(model: Any, file: Path) -> None:
    """Give a network the weights of the same network, layer by layer.

    Args:
        model: a Keras model, whose layers stand in the order in which they stood then
        file: of its weights alone, or of the whole model

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
