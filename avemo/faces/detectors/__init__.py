"""Face detectors behind one interface, a file each."""

from __future__ import annotations

from collections.abc import Mapping

from .detector import Detector, Face

__all__ = ["Detector", "Face", "load"]


def load(name: str, files: Mapping[str, bytes], side_px: int) -> Detector:
    """Return a detector, ready to use.

    Args:
        name: as `weights.resolve` returns it
        files: the content of its ONNX files by name, as `weights.resolve` returns them
        side_px: `faces.detector_side_px`: the longer side at which YuNet and SCRFD look at a
            picture first

    Raises:
        GraphError: a file is damaged
        KeyError: a file is missing
        ValueError: an unknown name
    """
    from ...runtime.graph import Graph, load_small_graph

    def graph(key: str) -> Graph:
        return load_small_graph(files[key], f"{key}.onnx")

    if name == "yunet":
        from .yunet import YunetDetector

        return YunetDetector(files["yunet"], graph("onet"), side_px)
    if name == "mtcnn":
        from .mtcnn import MtcnnDetector

        return MtcnnDetector({key: graph(key) for key in files})
    if name == "scrfd_500m":
        from .scrfd import ScrfdDetector

        return ScrfdDetector(name, graph(name), side_px)
    raise ValueError(f"no detector {name!r}")
