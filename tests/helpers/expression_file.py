"""The file of an expression network with drawn weights, as Keras 2 wrote a model."""

from pathlib import Path

from helpers.made_once import made_once
from helpers.random_network import drawn

__all__ = ["expression_file"]


def expression_file() -> Path:
    """Return the file; its network is exported once for all tests that use it."""
    return made_once("mobilenet_7.h5", _write)


def _write(file: Path) -> None:
    from avemo.pretrained import expression_mobilenet

    drawn(expression_mobilenet.build_network()).save(file)
