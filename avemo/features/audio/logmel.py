"""Logarithm of the power in mel bands, one row a window of sound.

Natural logarithm of the power plus 1e-6: a frame depends on its own sound alone, not on the clip
around it.
"""

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from .dsp.mel import Mel

__all__ = ["ARRAYS", "MODALITY", "VERSION", "Settings", "extract"]

#: raised when the same sound and settings give other figures than before
VERSION = 2
MODALITY = "audio"
ARRAYS = {"logmel": "float32"}

_OFFSET = 1e-6


class Settings(Mel):
    """`extractors.logmel` in params.yaml."""

    bands: Annotated[int, Field(ge=1, le=256)]


def extract(sound: np.ndarray[Any, Any], settings: Settings) -> dict[str, np.ndarray[Any, Any]]:
    """The log-mel spectrogram of a whole clip.

    Args:
        sound: float32 mono [shape=(samples,)] at `settings.sample_rate`
        settings: see params.yaml

    Returns:
        `logmel`: float32 [shape=(frames, bands)]
    """
    power = settings.power(sound, settings.bands)
    return {"logmel": np.log(power + np.float32(_OFFSET))}
