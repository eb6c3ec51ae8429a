"""What trainings answer: which of a fold's variants is best, and the table of predictions."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import pandas as pd

from ..datasets import Dataset
from ..evaluation import metrics
from ..evaluation.predictions import predictions_frame
from .job import Job
from .learners import Probabilities

__all__ = ["Answer", "join_predictions", "select_variants", "uar"]


class Answer(NamedTuple):
    """One training's probabilities on its validation and on its test part."""

    valid: Probabilities
    test: Probabilities


def select_variants(job: Job, answers: Mapping[int, Mapping[str, Answer]]) -> dict[int, str]:
    """Return, by fold, the variant that is best on the validation part.

    Args:
        answers: by fold and variant; of those that are equally good the first wins
    """
    best = {}
    for fold, by_variant in answers.items():
        valid = job.rounds[fold].part("valid")
        scores = {name: uar(valid, answer.valid) for name, answer in by_variant.items()}
        best[fold] = max(scores, key=lambda name: scores[name])
    return best


def join_predictions(
    job: Job, answers: Mapping[int, Answer], part: Literal["valid", "test"]
) -> pd.DataFrame:
    """Return the predictions on a part of every fold; `fold` is the one that was tested then."""
    frames = [
        predictions_frame(job.rounds[fold].part(part), getattr(answer, part)).assign(fold=fold)
        for fold, answer in answers.items()
    ]
    return pd.concat(frames).sort_values("performance", ignore_index=True)


def uar(data: Dataset, probabilities: Probabilities) -> float:
    """Return the unweighted average recall on some clips."""
    return metrics.uar_of(predictions_frame(data, probabilities))
