"""What `whisper_copies` has, of the second encoder."""

from __future__ import annotations

from typing import ClassVar

from . import whisper_base, whisper_copies

__all__ = ["Settings", "WhisperBaseCopies"]


class Settings(whisper_base.Settings, whisper_copies.Settings):
    """`extractors.whisper_base_copies` in params.yaml."""


class WhisperBaseCopies(whisper_copies.WhisperCopies):
    """Hidden states of copies in a lower and a higher voice, and in a noisy room."""

    settings_class = Settings
    dtypes: ClassVar = {
        f"whisper_base_copies_{copy}": "float16" for copy in ("lower", "higher", "noisy")
    }
