"""Logarithm of the power in mel bands, one row a window of sound.

Natural logarithm of the power plus 1e-6: a frame depends on its own sound alone, not on the clip
around it.
"""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from ..arrays import Arrays, Sound
from ..extractor import AudioExtractor
from .dsp.mel import MelSettings

__all__ = ["LogMel", "Settings"]

_OFFSET = 1e-6


class Settings(MelSettings):
    """`extractors.logmel` in params.yaml."""

    bands: Annotated[int, Field(ge=1, le=256)]


class LogMel(AudioExtractor[Settings]):
    """Log-mel spectrogram."""

    settings_class = Settings
    version = 2
    dtypes: ClassVar = {"logmel": "float32"}

    def extract(self, sound: Sound) -> Arrays:
        """Return the log-mel spectrogram of a clip.

        Args:
            sound: float32 mono [shape=(samples,)] at `settings.sample_rate`

        Returns:
            `logmel`: float32 [shape=(frames, bands)]
        """
        power = self.settings.mel_power(sound, self.settings.bands)
        return {"logmel": np.log(power + np.float32(_OFFSET))}
