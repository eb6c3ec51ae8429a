"""Adaptation to a speaker, as whoever predicts takes it; training fits it."""

from ..models.adaptation import ADAPTATION_FILE, Adaptation, SpeakerStatistics

__all__ = ["ADAPTATION_FILE", "Adaptation", "SpeakerStatistics"]
