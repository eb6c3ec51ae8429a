"""How loud a clip is and how large its face: what a version's validation profile has, too."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ...errors import AvemoError, MediaError
from ...faces import extract as faces
from ...faces.cut_face import face_side_px
from ...inference.feature_reader import FeatureReader, face_spec
from ...media.clip import Clip
from ...models.bundle import Bundle

__all__ = ["ClipMeasures", "Measurer"]

#: that a face is looked for in
_FRAMES = 4
#: limits by which a face would be refused: its size is asked for, whatever it is
_NO_LIMITS = {"min_face_px": 0.0, "min_brightness": 0.0, "max_yaw": 180.0, "max_cut_ratio": 1.0}


@dataclass(frozen=True)
class ClipMeasures:
    """What a clip is like, whatever is predicted for it.

    Args:
        loudness_dbfs: its sound's peak; None where there is no sound
        face_px: the root of its face's area; None where none is seen, or none was looked for
    """

    loudness_dbfs: float | None = None
    face_px: float | None = None


class Measurer:
    """Measures clips as a version's training data was.

    Args:
        model_folder: with the version's recogniser; None where nobody looks for faces
    """

    def __init__(self, model_folder: Path | None) -> None:
        self._folder = model_folder

    def measure(self, file: Path) -> ClipMeasures:
        """Return a clip's measures."""
        with Clip(file) as clip:
            return ClipMeasures(_number(lambda: _peak(clip)), _number(lambda: self._face(clip)))

    @cached_property
    def _reader(self) -> FeatureReader | None:
        """What looks for faces; None for a model of sound alone, and one of an older release."""
        if self._folder is None:
            return None
        try:
            bundle = Bundle(self._folder)
            return FeatureReader(bundle, self._folder) if face_spec(bundle) else None
        except AvemoError:
            return None

    def _face(self, clip: Clip) -> float | None:
        if self._reader is None:
            return None
        update = _NO_LIMITS | {"frames": _FRAMES}
        settings = self._reader.face_settings.model_copy(update=update)
        return face_side_px(faces.extract(clip, settings, self._reader.detector)["boxes"])


def _peak(clip: Clip) -> float | None:
    return clip.probe().peak_dbfs


def _number(measure: Callable[[], float | None]) -> float | None:
    try:
        value = measure()
    except MediaError:
        return None
    return value if value is not None and math.isfinite(value) else None
