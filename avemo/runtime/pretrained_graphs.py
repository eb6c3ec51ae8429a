"""Pretrained networks as ONNX graphs, each exported once on a machine and kept in the user's cache.

Exporting takes TensorFlow; a process of its own does it, so that whoever runs the graphs never
imports that.
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..cache import cache_folder, is_writable, writable_cache_folder
from ..errors import AssetError, AvemoError, last_line
from ..pretrained import (
    assets,
    expression_mobilenet,
    face_landmarker,
    imagenet_networks,
    vggish,
    whisper_encoder,
)

if TYPE_CHECKING:
    import keras

__all__ = ["PretrainedNetwork", "find_network", "get", "graphs_folder", "name_of"]

log = logging.getLogger(__name__)


class PretrainedNetwork(NamedTuple):
    """A network, by the functions that make it.

    Args:
        version: to be raised when `load` or the export gives another graph than before
        fetch: returns the file of published weights, fetched where it is missing
        load: returns the Keras model, or else a function as `face_landmarker` has it
    """

    version: int
    fetch: Callable[[], Path]
    load: Callable[[Path], keras.Model | face_landmarker.FaceLandmarker]


#: of Whisper, by asset
_ENCODERS = {whisper_encoder.asset_name(model): model for model in whisper_encoder.ENCODERS}

_NETWORKS: dict[str, tuple[int, Callable[[Path], keras.Model | face_landmarker.FaceLandmarker]]] = {
    "face_landmarker": (1, face_landmarker.load_landmarker),
    "hsemotion_mobilenet_7": (1, expression_mobilenet.load_network),
    "vggish": (1, vggish.load_network),
    **{
        name: (1, partial(whisper_encoder.load_encoder, model=model))
        for name, model in _ENCODERS.items()
    },
}


def find_network(name: str) -> PretrainedNetwork | None:
    """Return a network of the table; None where there is none of that name.

    Args:
        name: a key of `assets.ASSETS`; or one of `imagenet_networks.NETWORKS` with the side of the
            pictures in pixels, such as `vgg16_224`
    """
    if name in _NETWORKS:
        number, load = _NETWORKS[name]
        return PretrainedNetwork(number, partial(assets.get, name), load)
    network, _, side = name.rpartition("_")
    if network in imagenet_networks.NETWORKS and side.isdecimal():
        return PretrainedNetwork(
            1,
            partial(imagenet_networks.fetch_weights, network),
            partial(imagenet_networks.load_network, network, int(side)),
        )
    return None


def get(name: str, weights: Path) -> Path:
    """Return a network's ONNX graph, exported where this machine does not have it yet.

    Where several processes ask for it, one exports it and the others wait. A graph that is there is
    used as it is, also where what exports is not installed, or is of another version by now: so a
    machine computes the same features for as long as it keeps the graph.

    Args:
        name: see `find_network`
        weights: the published file

    Returns:
        a file whose name begins with the network's, see `name_of`

    Raises:
        AssetError: the weights are not what they should be; or the graph has yet to be exported and
            a package for that is missing
    """
    from filelock import FileLock

    network = find_network(name)
    assert network, name
    file = graphs_folder() / f"{name}.{_key(network.version, weights)}.onnx"
    if not file.exists() and not is_writable(file.parent):
        file = writable_cache_folder() / "graphs" / file.name
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock")):
            if not file.exists():  # while this process waited
                log.info(f"{name}: exporting the network, once on this machine (some seconds)")
                _export_in_process(name, weights, file)
    return file


def graphs_folder() -> Path:
    """Return the folder of the exported graphs, in the user's cache."""
    return cache_folder() / "graphs"


def name_of(graph: Path) -> str:
    """Return the name of the network that a file of `get` holds, wherever it was copied to."""
    return graph.name.partition(".")[0]


def _key(network_version: int, weights: Path) -> str:
    """Return what the graph computes, in 12 hexadecimal digits."""
    parts = [assets.file_sha256(weights), f"version {network_version}"]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _export_in_process(name: str, weights: Path, target: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", __name__, name, weights, target],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    if process.returncode:
        raise AssetError(last_line(process.stderr))


def _export(name: str, weights: Path, target: Path) -> None:
    from . import export, vggish_graph, whisper_graph

    network = find_network(name)
    assert network, name
    if name == "face_landmarker":
        export.export_landmarker(weights, target)
    elif name == "vggish":
        export.write_graph(vggish_graph.build_graph(vggish.read_tensors(weights)), target)
    elif model := _ENCODERS.get(name):
        tensors = whisper_encoder.read_tensors(weights, model)
        export.write_graph(whisper_graph.build_graph(tensors, model), target)
    else:
        export.export(network.load(weights), target)


if __name__ == "__main__":
    try:
        _export(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
    except AvemoError as error:
        sys.exit(str(error))
    except ModuleNotFoundError as error:
        sys.exit(
            f"{sys.argv[1]} must be exported as an ONNX graph first, which takes {error.name}, "
            f"and that is not installed: pip install {error.name}"
        )
