"""What `whisper_speeds` has, of the second encoder."""

from __future__ import annotations

from typing import ClassVar

from . import whisper_base, whisper_speeds

__all__ = ["Settings", "WhisperBaseSpeeds"]


class Settings(whisper_base.Settings, whisper_speeds.Settings):
    """`extractors.whisper_base_speeds` in params.yaml."""


class WhisperBaseSpeeds(whisper_speeds.WhisperSpeeds):
    """Hidden states of a slower and of a faster copy."""

    settings_class = Settings
    dtypes: ClassVar = {f"whisper_base_speeds_{copy}": "float16" for copy in ("slower", "faster")}
