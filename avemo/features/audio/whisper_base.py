"""Hidden states of a second, larger encoder of Whisper, beside those of `whisper`.

For an ensemble whose members hear by different encoders; its processor time comes on top.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from . import whisper

__all__ = ["Settings", "WhisperBase"]


class Settings(whisper.Settings):
    """`extractors.whisper_base` in params.yaml."""

    model: Literal["base", "base.en"] = "base"


class WhisperBase(whisper.Whisper[Settings]):
    """Hidden states over time, and their statistics."""

    settings_class = Settings
    dtypes: ClassVar = {"whisper_base": "float16", "whisper_base_stats": "float32"}
