"""Whether a prediction is sure enough to be an answer, and which emotions it cannot exclude."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..records import BundleConfig

__all__ = ["Certainty", "describe_certainty"]


@dataclass(frozen=True)
class Certainty:
    """How certain a prediction is, by the thresholds that its model was trained with.

    Args:
        unsure: the prediction is "not sure", see `records.Abstention`
        emotions: the conformal set, likeliest first, see `records.ConformalSets`
    """

    unsure: bool = False
    emotions: tuple[str, ...] = ()


def describe_certainty(probabilities: Mapping[str, float], config: BundleConfig) -> Certainty:
    """Return how certain a prediction is.

    Args:
        probabilities: by emotion; empty where there is nothing to predict from
        config: of the model. Where it lacks the thresholds, which models of older releases do,
            every prediction is sure, and the set is empty
    """
    if not probabilities:
        return Certainty()
    ranked = sorted(probabilities, key=lambda emotion: -probabilities[emotion])
    likeliest, *others = ranked
    sure = True
    if abstention := config.abstention:
        sure = probabilities[likeliest] >= abstention.threshold
    emotions: tuple[str, ...] = ()
    if sets := config.conformal_sets:
        in_set = (name for name in others if probabilities[name] >= sets.threshold)
        emotions = (likeliest, *in_set)
    return Certainty(not sure, emotions)
