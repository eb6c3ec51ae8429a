"""Whisper's hidden states of a clip that is played slower, and faster.

Training draws among these and the clip's own. At inference the probabilities are averaged over all
three (test-time augmentation).

Source:
    T. Ko et al.: Audio augmentation for speech recognition. Interspeech 2015
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from ..arrays import Arrays, Sound
from . import whisper
from .dsp.augment import change_speed

__all__ = ["Settings", "WhisperSpeeds"]


class Settings(whisper.Settings):
    """`extractors.whisper_speeds` in params.yaml."""

    speed: Annotated[float, Field(gt=0, le=0.5)]


class WhisperSpeeds(whisper.Whisper[Settings]):
    """Hidden states of a slower and of a faster copy."""

    settings_class: ClassVar[type[Settings]] = Settings
    dtypes: ClassVar = {f"whisper_speeds_{copy}": "float16" for copy in ("slower", "faster")}

    def extract(self, sound: Sound) -> Arrays:
        """Return the hidden states of each copy.

        Args:
            sound: float32 mono [shape=(samples,)] at 16 kHz

        Returns:
            each of `dtypes`: float16 [shape=(steps, states · width)], as `whisper` of that copy

        Raises:
            GraphError: the network cannot be run here
        """
        speeds = (1 - self.settings.speed, 1 + self.settings.speed)
        return {
            name: self.hear(change_speed(sound, speed))[0]
            for name, speed in zip(self.dtypes, speeds, strict=True)
        }
