"""A clip's faces as `faces.extract` gives them, drawn on the spot."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from avemo.faces.extract import TEMPLATE


def draw_faces(count: int = 3, seed: int = 0, side: int = 224) -> dict[str, NDArray[Any]]:
    """Return faces of noise, soft enough for JPEG, with landmarks about where they should be."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (count, 8, 8, 3), np.uint8)
    files = [
        cv2.imencode(".jpg", cv2.resize(pixels, (side, side)), [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
        for pixels in noise
    ]
    landmarks = np.array(TEMPLATE) + 300 + rng.normal(0, 2, (count, 5, 2))
    boxes = np.concatenate([landmarks.min(axis=1) - 20, landmarks.max(axis=1) + 20], axis=1)
    return {
        "faces": np.concatenate(files),
        "sizes": np.array([len(file) for file in files], np.int32),
        "times": np.arange(count, dtype=np.float32) / 5,
        "boxes": boxes.astype(np.float32),
        "landmarks": landmarks.astype(np.float32),
        "scores": np.full(count, 0.9, np.float32),
        "sharpness": np.full(count, 100, np.float32),
        "pose": rng.normal(0, 9, (count, 3)).astype(np.float32),
        "n_other_faces": np.zeros(count, np.uint8),
        "interpolated": np.zeros(count, np.uint8),
        "detection_rate": np.array(1, np.float32),
    }
