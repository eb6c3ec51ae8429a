"""What trainings answer: which of a fold's variants is taken, and the table of predictions."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..datasets import Dataset
from ..evaluation import metrics
from ..evaluation.predictions import predictions_frame
from .job import Job

__all__ = ["Answers", "choose", "predictions", "uar"]

Array = np.ndarray[Any, Any]
#: one training's probabilities on its validation and on its test part
Answers = Mapping[str, Array]


def choose(job: Job, answers: Mapping[int, Mapping[str, Answers]]) -> dict[int, str]:
    """By fold, the variant that is best on the validation part.

    Args:
        answers: by fold and variant; the first of those that are equally good is taken
    """
    chosen = {}
    for fold, variants in answers.items():
        valid = job.rounds[fold].part("valid")
        scores = {name: uar(valid, one["valid"]) for name, one in variants.items()}
        chosen[fold] = max(scores, key=lambda name: scores[name])
    return chosen


def predictions(job: Job, answers: Mapping[int, Answers], part: str) -> pd.DataFrame:
    """A part of every fold, as `metrics` takes it; `fold` is the one that was tested then."""
    tables = [
        predictions_frame(job.rounds[fold].part(part), found[part]).assign(fold=fold)
        for fold, found in answers.items()
    ]
    return pd.concat(tables).sort_values("performance", ignore_index=True)


def uar(data: Dataset, probabilities: Array) -> float:
    """Unweighted average recall on some clips."""
    return metrics.uar(
        data.rows["emotion"], metrics.predicted(predictions_frame(data, probabilities))
    )
