"""Mel-frequency cepstral coefficients, one row a window of sound.

Source:
    S. Davis and P. Mermelstein: Comparison of parametric representations for monosyllabic word
    recognition in continuously spoken sentences. IEEE TASSP 28(4) (1980); as in librosa, with
    nothing more than 80 dB below the clip's loudest band
"""

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from .dsp.librosa_import import librosa
from .dsp.mel import Mel

__all__ = ["ARRAYS", "MODALITY", "VERSION", "Settings", "extract"]

#: raised when the same sound and settings give other figures than before
VERSION = 2
MODALITY = "audio"
ARRAYS = {"mfcc": "float32"}

_BANDS = 128


class Settings(Mel):
    """`extractors.mfcc` in params.yaml."""

    coefficients: Annotated[int, Field(ge=1, le=128)]


def extract(sound: np.ndarray[Any, Any], settings: Settings) -> dict[str, np.ndarray[Any, Any]]:
    """The coefficients of a whole clip.

    Args:
        sound: float32 mono [shape=(samples,)] at `settings.sample_rate`
        settings: see params.yaml

    Returns:
        `mfcc`: float32 [shape=(frames, coefficients)]
    """
    from scipy.fft import dct

    decibels = librosa().power_to_db(settings.power(sound, _BANDS))
    found = dct(decibels, norm="ortho")[:, : settings.coefficients]
    return {"mfcc": np.ascontiguousarray(found)}
