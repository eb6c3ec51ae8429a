"""Predictions of chosen confidence, as a cross-validation leaves them; they are of nobody."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from helpers.probabilities import PROBABILITIES
from numpy.typing import NDArray

from avemo.corpus.adapters.ravdess import EMOTIONS


def confident_predictions(rows: Sequence[tuple[int, float, bool]]) -> pd.DataFrame:
    """Return a row for each actor, confidence (above 1/8) and whether the prediction is right."""
    values = np.zeros((len(rows), len(EMOTIONS)))
    true = []
    for place, (_, confidence, right) in enumerate(rows):
        likeliest = place % len(EMOTIONS)
        values[place] = (1 - confidence) / (len(EMOTIONS) - 1)
        values[place, likeliest] = confidence
        true.append(EMOTIONS[likeliest if right else (likeliest + 1) % len(EMOTIONS)])
    return _table(values, [actor for actor, _, _ in rows], true)


def drawn_predictions(
    random: np.random.Generator, *, actors: int, clips: int, skill: float = 2.5, spread: float = 0.7
) -> pd.DataFrame:
    """Return predictions of actors of a population: some are recognised better than others.

    Args:
        skill: how far the true emotion stands out, on average over actors
        spread: how much actors differ in that
    """
    actor = np.repeat(np.arange(actors), clips)
    true = random.integers(0, len(EMOTIONS), len(actor))
    scores = random.standard_normal((len(actor), len(EMOTIONS)))
    scores[np.arange(len(actor)), true] += random.normal(skill, spread, actors)[actor]
    values = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return _table(values, actor.tolist(), [EMOTIONS[code] for code in true])


def _table(values: NDArray[np.float64], actors: Sequence[int], true: Sequence[str]) -> pd.DataFrame:
    table = pd.DataFrame(values, columns=PROBABILITIES)
    names = [f"p{place}" for place in range(len(table))]
    return table.assign(performance=names, actor=actors, fold=1, true=true)
