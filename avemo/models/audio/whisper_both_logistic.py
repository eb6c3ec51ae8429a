"""Logistic regression on the statistics of two encoders' hidden states."""

from .whisper_logistic import WhisperLogistic

__all__ = ["WhisperBothLogistic"]


class WhisperBothLogistic(WhisperLogistic):
    """A linear head on both encoders at once."""

    inputs = ("whisper_stats", "whisper_base_stats")
