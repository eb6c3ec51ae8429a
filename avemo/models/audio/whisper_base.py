"""The head of `whisper` on the hidden states of a second encoder, without altered copies."""

from typing import ClassVar

from .whisper import Whisper

__all__ = ["WhisperBase"]


class WhisperBase(Whisper):
    """A convolutional or recurrent head on the states of `extractors.whisper_base`."""

    inputs = ("whisper_base",)
    augmentations: ClassVar = {}
    tta_views: ClassVar = {}
