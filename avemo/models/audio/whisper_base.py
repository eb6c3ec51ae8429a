"""The head of `whisper` on the hidden states of a second encoder."""

from typing import ClassVar

from .whisper import Whisper, copies_of, speeds_of

__all__ = ["WhisperBase"]


class WhisperBase(Whisper):
    """A convolutional or recurrent head on the states of `extractors.whisper_base`."""

    inputs = ("whisper_base",)
    augmentations: ClassVar = {"whisper_base": copies_of("whisper_base")}
    tta_views: ClassVar = {"whisper_base": speeds_of("whisper_base")}
