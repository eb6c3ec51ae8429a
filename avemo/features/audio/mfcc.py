"""Mel-frequency cepstral coefficients, one row a window of sound.

Source:
    S. Davis and P. Mermelstein: Comparison of parametric representations for monosyllabic word
    recognition in continuously spoken sentences. IEEE TASSP 28(4) (1980); as in librosa, with
    nothing more than 80 dB below the clip's loudest band
"""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from ..arrays import Arrays, Sound
from ..extractor import AudioExtractor
from .dsp.mel import MelSettings

__all__ = ["Mfcc", "Settings"]

_BANDS = 128
_MIN_POWER, _RANGE_DB = 1e-10, 80.0


class Settings(MelSettings):
    """`extractors.mfcc` in params.yaml."""

    coefficients: Annotated[int, Field(ge=1, le=128)]


class Mfcc(AudioExtractor[Settings]):
    """Mel-frequency cepstral coefficients."""

    settings_class = Settings
    version = 2
    dtypes: ClassVar = {"mfcc": "float32"}

    def extract(self, sound: Sound) -> Arrays:
        """Return the coefficients of a clip.

        Args:
            sound: float32 mono [shape=(samples,)] at `settings.sample_rate`

        Returns:
            `mfcc`: float32 [shape=(frames, coefficients)]
        """
        from scipy.fft import dct

        power = self.settings.mel_power(sound, _BANDS)
        decibels = 10 * np.log10(np.maximum(power, _MIN_POWER))
        decibels = np.maximum(decibels, decibels.max() - _RANGE_DB)
        cepstra = dct(decibels, norm="ortho")[:, : self.settings.coefficients]
        return {"mfcc": np.ascontiguousarray(cepstra)}
