"""What Whisper hears in a clip that is played slower, and faster.

Training draws among these and the clip's own; a model that is asked answers with the mean over all
three, as for three who say the same.

Source:
    T. Ko et al.: Audio augmentation for speech recognition. Interspeech 2015
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from . import whisper
from .dsp.augment import Array, at_speed

__all__ = ["ARRAYS", "MODALITY", "VERSION", "WEIGHTS", "Settings", "extract"]

#: raised when the same sound and settings give other figures than before; with whisper's, too
VERSION = 1
MODALITY = "audio"
ARRAYS = {f"whisper_speeds_{copy}": "float16" for copy in ("slower", "faster")}
WEIGHTS = whisper.WEIGHTS


class Settings(whisper.Settings):
    """`extractors.whisper_speeds` in params.yaml."""

    speed: Annotated[float, Field(gt=0, le=0.5)]


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
    return {
        name: whisper.extract(at_speed(sound, speed), settings, weights)["whisper"]
        for name, speed in zip(ARRAYS, (1 - settings.speed, 1 + settings.speed), strict=True)
    }
