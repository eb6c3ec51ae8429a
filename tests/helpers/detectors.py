"""Face detectors with the published weights."""

from functools import cache
from pathlib import Path

import pytest

from avemo.errors import AssetError
from avemo.faces import detectors
from avemo.faces.detectors import Detector, weights
from avemo.pretrained import assets

WEIGHTS = (Path(__file__).parents[2] / "../shared/weights").resolve()
DETECTORS = ("yunet", "mtcnn", "scrfd")


@cache
def resolve(setting: str) -> tuple[str, dict[str, bytes]]:
    """Return a detector's name and files; a test that lacks the weights is skipped."""
    with pytest.MonkeyPatch.context() as patch:
        if WEIGHTS.is_dir():
            patch.setenv(assets.MIRROR, str(WEIGHTS))
        patch.setenv(assets.ORIGIN, "http://127.0.0.1:1")
        patch.setenv("NO_PROXY", "*")
        try:
            return weights.resolve(setting)
        except AssetError as error:
            pytest.skip(f"needs ../shared/weights: {error}")


def load_detector(setting: str, side_px: int = 320) -> Detector:
    """Return a detector that looks at a picture at so many pixels first."""
    return detectors.load(*resolve(setting), side_px)
