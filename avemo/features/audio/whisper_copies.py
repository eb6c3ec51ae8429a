"""Whisper's hidden states of augmented copies of a clip, from which training draws.

Source:
    T. Ko et al.: A study on data augmentation of reverberant speech for robust speech recognition.
    ICASSP 2017 (rooms and noise)
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from ..arrays import Arrays, Sound
from . import whisper
from .dsp.augment import add_reverb_and_noise, shift_pitch

__all__ = ["Settings", "WhisperCopies"]


class Settings(whisper.Settings):
    """`extractors.whisper_copies` in params.yaml."""

    semitones: Annotated[float, Field(gt=0, le=12)]
    snr_db: Annotated[float, Field(ge=0, le=60)]
    reverberation_s: Annotated[float, Field(ge=0.01, le=2)]


class WhisperCopies(whisper.Whisper[Settings]):
    """Hidden states of copies in a lower and a higher voice, and in a noisy room."""

    settings_class: ClassVar[type[Settings]] = Settings
    dtypes: ClassVar = {
        f"whisper_copies_{copy}": "float16" for copy in ("lower", "higher", "noisy")
    }

    def extract(self, sound: Sound) -> Arrays:
        """Return the hidden states of each copy.

        Args:
            sound: float32 mono [shape=(samples,)] at 16 kHz

        Returns:
            each of `dtypes`: float16 [shape=(steps, states · width)], as `whisper` of that copy

        Raises:
            GraphError: the network cannot be run here
        """
        settings = self.settings
        noisy = add_reverb_and_noise(
            sound,
            settings.sample_rate,
            snr_db=settings.snr_db,
            reverberation_s=settings.reverberation_s,
            voiced_db=settings.voiced_db,
        )
        copies = (
            shift_pitch(sound, settings.sample_rate, -settings.semitones),
            shift_pitch(sound, settings.sample_rate, settings.semitones),
            noisy,
        )
        return {name: self.hear(copy)[0] for name, copy in zip(self.dtypes, copies, strict=True)}
