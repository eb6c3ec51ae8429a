"""A model that tells a low tone from a high one, so that the right answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from helpers.bundles import bundle_config
from helpers.detectors import resolve
from helpers.timed_films import tone
from numpy.typing import NDArray

from avemo.config import load_settings
from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.faces import extract
from avemo.features.audio.mfcc import Mfcc
from avemo.features.spec import FeatureSpec
from avemo.features.visual.geometry import COLUMNS, Geometry
from avemo.features.visual.geometry import Settings as GeometrySettings
from avemo.inference.recogniser import Recogniser
from avemo.models.bundle import CONFIG_FILE, GRAPH_FILE
from avemo.runtime.graph_writer import GraphWriter, Shapes

__all__ = ["HIGH_HZ", "LOW_HZ", "load_tone_model"]

#: heard as `happy`, and as `sad`
LOW_HZ, HIGH_HZ = 200.0, 1500.0
_FRAMES = 16
_SETTINGS = load_settings(Path(__file__).parents[2])


def load_tone_model(folder: Path, *, sees: bool = False) -> Recogniser:
    """Return a recogniser that hears `happy` in a low tone and `sad` in a high one.

    Args:
        folder: gets its files
        sees: it takes faces too, which do not change what it predicts with sound; with faces alone
            it predicts `neutral`
    """
    extractor = Mfcc(Mfcc.settings_class.model_validate(_SETTINGS.extractors["mfcc"]))
    low, high = (extractor.extract(tone(1.0, hz))["mfcc"].mean(axis=0) for hz in (LOW_HZ, HIGH_HZ))
    columns = len(low)
    inputs: dict[str, dict[str, Any]] = {}
    inputs["mfcc"] = {"frames": _FRAMES, "mean": [0.0] * columns, "deviation": [1.0] * columns}
    features = {"mfcc": extractor.spec()}
    if sees:
        faces = _SETTINGS.faces.model_copy(update={"detector": "mtcnn", "frames": 12})
        face_spec = FeatureSpec(
            extractor="faces",
            version=extract.VERSION,
            settings=faces.model_dump(mode="json"),
            resources={"detector": "mtcnn"},
        )
        width = 2 * len(COLUMNS) + 3
        inputs["geometry"] = {"frames": 4, "mean": [0.0] * width, "deviation": [1.0] * width}
        features["geometry"] = Geometry(GeometrySettings()).spec(face_spec)
        (folder / "detector").mkdir()
        for name, content in resolve("mtcnn")[1].items():
            (folder / "detector" / f"{name}.onnx").write_bytes(content)
    shapes = {
        name: ("clips", field["frames"], len(field["mean"])) for name, field in inputs.items()
    }
    _write_graph(folder / GRAPH_FILE, shapes, low, high)
    modality = "fused" if sees else "audio"
    bundle_config(modality=modality, features=features, inputs=inputs).write(folder / CONFIG_FILE)
    return Recogniser(folder)


def _write_graph(
    file: Path, shapes: Shapes, low: NDArray[np.floating], high: NDArray[np.floating]
) -> None:
    """Write a network that projects the mean of the features onto the line between two sounds."""
    direction = (high - low) / float(np.sum((high - low) ** 2))
    weights = np.zeros((len(low), len(EMOTIONS)), np.float32)
    weights[:, EMOTIONS.index("happy")], weights[:, EMOTIONS.index("sad")] = -direction, direction
    middle = float(direction @ (high + low) / 2)
    bias = np.full(len(EMOTIONS), -1.0, np.float32)
    bias[EMOTIONS.index("happy")], bias[EMOTIONS.index("sad")] = middle, -middle
    writer = GraphWriter()
    mean = writer.add("ReduceMean", "mfcc", writer.constant([1]), keepdims=0)
    # without sound all features are 0
    heard = writer.add("ReduceMax", writer.add("Abs", mean), writer.constant([1]), keepdims=1)
    heard = writer.add("Min", heard, writer.constant(np.float32(1.0)))
    logits = writer.add("MatMul", mean, writer.constant(weights))
    logits = writer.add("Add", logits, writer.add("Mul", heard, writer.constant(bias)))
    neutral = np.zeros(len(EMOTIONS), np.float32)
    neutral[0] = 0.1
    logits = writer.add("Add", logits, writer.constant(neutral))
    logits = writer.add("Mul", logits, writer.constant(np.float32(10.0)))
    if "geometry" in shapes:
        face = writer.add("ReduceMean", "geometry", writer.constant([1, 2]), keepdims=0)
        face = writer.add("Unsqueeze", face, writer.constant([1]))
        unused = writer.add("Mul", face, writer.constant(np.float32(0.0)))
        logits = writer.add("Add", logits, unused)
    writer.add("Softmax", logits, output="probabilities", axis=1)
    model = writer.finish("tones", shapes, {"probabilities": ("clips", len(EMOTIONS))})
    file.write_bytes(model.SerializeToString())
