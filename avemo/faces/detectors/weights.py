"""The files that detectors need, and what these may be used for.

Not for answering: a registered version carries the files.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ...errors import AssetError
from ...pretrained import assets, mtcnn_networks

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["fetch", "licences", "resolve"]

#: by the name of a detector in the settings, its name with the features
_NAMES = {"yunet": "yunet", "mtcnn": "mtcnn", "scrfd": "scrfd_500m"}
#: those of MTCNN's networks that a detector takes
_MTCNN_NETWORKS: Mapping[str, tuple[str, ...]] = {
    "yunet": ("onet",),
    "mtcnn": tuple(mtcnn_networks.NETWORKS),
}

log = logging.getLogger(__name__)


def resolve(setting: str) -> tuple[str, dict[str, bytes]]:
    """Return the detector that a setting stands for on this machine, and its files.

    It may fetch them, so call it once, not in each worker.

    Args:
        setting: `yunet`, `mtcnn`, `scrfd`, or `auto`: YuNet where its weights can be fetched, else
            MTCNN

    Returns:
        `yunet`, `mtcnn` or `scrfd_500m`, and the content of its ONNX files by name

    Raises:
        AssetError: its weights cannot be fetched, or have a wrong checksum
    """
    if setting != "auto":
        return _NAMES[setting], fetch(_NAMES[setting])
    if not assets.find("yunet"):
        try:
            assets.get("yunet")
        except AssetError as error:
            reason = str(error).partition(". ")[0]
            log.warning("MTCNN detects faces instead of YuNet: %s (see `avemo assets`)", reason)
            return resolve("mtcnn")
    return resolve("yunet")


def fetch(name: str) -> dict[str, bytes]:
    """Return the content of a detector's ONNX files by name.

    Args:
        name: of the detector, as `resolve` returns it

    Raises:
        AssetError: they cannot be fetched, or have a wrong checksum
    """
    files = {}
    if name in assets.ASSETS:
        files[name] = assets.get(name).read_bytes()
    if networks := _MTCNN_NETWORKS.get(name):
        graphs = mtcnn_networks.build_graphs()
        files |= {network: graphs[network] for network in networks}
    if name == "scrfd_500m":
        files[name] = _free_input(files[name])
    return files


def licences(name: str) -> set[str]:
    """Return the licences of a detector's weights, each with who published them."""
    texts = set()
    if asset := assets.ASSETS.get(name):
        texts.add(f"{asset.source}: {asset.licence}")
    if name in _MTCNN_NETWORKS:
        texts.add(f"{mtcnn_networks.SOURCE}: {mtcnn_networks.LICENCE}")
    return texts


def _free_input(content: bytes) -> bytes:
    """Return SCRFD's file with an input called `images`, of any size; exports differ in both."""
    import onnx

    model = onnx.load_model_from_string(content)
    (images,) = model.graph.input
    sizes = images.type.tensor_type.shape.dim
    sizes[2].dim_param, sizes[3].dim_param = "height", "width"
    for node in model.graph.node:
        node.input[:] = ["images" if name == images.name else name for name in node.input]
    images.name = "images"
    for output in model.graph.output:
        for axis in output.type.tensor_type.shape.dim[:2]:
            axis.dim_param = f"{output.name}_{axis.dim_value}"
    del model.graph.value_info[:]
    freed: bytes = model.SerializeToString()
    return freed
