"""The columns of probabilities where the classes are RAVDESS's eight emotions."""

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.evaluation.metrics import probability_columns

__all__ = ["PROBABILITIES"]

PROBABILITIES = probability_columns(EMOTIONS)
