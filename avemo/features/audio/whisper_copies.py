"""What Whisper hears in altered copies of a clip: training draws among these and the clip's own.

Source:
    T. Ko et al.: A study on data augmentation of reverberant speech for robust speech recognition.
    ICASSP 2017 (rooms and noise)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from . import whisper
from .dsp.augment import Array, at_pitch, in_noisy_room

__all__ = ["ARRAYS", "MODALITY", "VERSION", "WEIGHTS", "Settings", "extract"]

#: raised when the same sound and settings give other figures than before; with whisper's, too
VERSION = 1
MODALITY = "audio"
ARRAYS = {f"whisper_copies_{copy}": "float16" for copy in ("lower", "higher", "noisy")}
WEIGHTS = whisper.WEIGHTS


class Settings(whisper.Settings):
    """`extractors.whisper_copies` in params.yaml."""

    semitones: Annotated[float, Field(gt=0, le=12)]
    snr_db: Annotated[float, Field(ge=0, le=60)]
    reverberation_s: Annotated[float, Field(ge=0.01, le=2)]


def extract(sound: Array, settings: Settings, weights: Mapping[str, Path]) -> dict[str, Array]:
    """The hidden states of each copy.

    Args:
        sound: float32 mono [shape=(samples,)] at 16 kHz
        settings: see params.yaml
        weights: the file of each of `WEIGHTS`

    Returns:
        each of `ARRAYS`: float16 [shape=(steps, 5 · 384)], as `whisper` of that copy

    Raises:
        AssetError: the file is not what it should be
    """
    rate = settings.sample_rate
    noisy = in_noisy_room(
        sound,
        rate,
        snr_db=settings.snr_db,
        reverberation_s=settings.reverberation_s,
        voiced_db=settings.voiced_db,
    )
    copies = (
        at_pitch(sound, rate, -settings.semitones),
        at_pitch(sound, rate, settings.semitones),
        noisy,
    )
    return {
        name: whisper.extract(copy, settings, weights)["whisper"]
        for name, copy in zip(ARRAYS, copies, strict=True)
    }
