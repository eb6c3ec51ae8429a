"""The champion's cross-validation: how good it is, on whom, and how sure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from ..corpus.adapters.ravdess import CHANNELS, EMOTIONS
from ..records import Interval
from .manifest import Champion
from .scored import Scored

__all__ = ["ChampionTables", "tables"]

#: UAR on speech of unseen actors
_OTHERS = (
    ("best comparable published figure: a frozen encoder of 300 million parameters", 0.82),
    ("Whisper tiny.en as it was published, with a linear classifier", 0.751),
)
_CALIBRATION = {"calibration_error": "expected calibration error", "log_loss": "log-loss"}

Row = tuple[object, ...]


@dataclass(frozen=True)
class ChampionTables:
    """What the page shows of the champion.

    Args:
        channels: that it was tested on, such as speech
        classes: how many emotions there are
        comparison: its UAR beside others'; none where it was not tested on speech alone
        folds: each fold's figures
        choices: what was chosen for each fold
        emotions: each emotion's recall
        sexes: figures of women and men
        calibration: before and after temperature scaling
    """

    synthetic: bool
    has_trials: bool
    uar: Interval
    accuracy: Interval
    channels: list[str]
    classes: int
    performances: int
    actors: int
    comparison: list[Row]
    folds: list[Row]
    choices: list[Row]
    emotions: list[Row]
    sexes: list[Row]
    calibration: list[Row]


def tables(scored: Scored, champion: Champion) -> ChampionTables:
    """Return what the page shows of a champion."""
    rows = scored.published.predictions[champion.predictions]
    figures, before = scored.figures[champion.predictions], scored.figures[champion.uncalibrated]
    channels = [name for name in CHANNELS.values() if name in set(rows["channel"])]
    comparison: list[Row] = [("the champion", figures["uar"])]
    comparison += [(name, f"{uar:g}") for name, uar in _OTHERS]
    return ChampionTables(
        synthetic=champion.synthetic,
        has_trials=bool(champion.trials),
        uar=figures["uar"],
        accuracy=figures["accuracy"],
        channels=channels,
        classes=rows["true"].nunique(),
        performances=len(rows),
        actors=rows["actor"].nunique(),
        comparison=comparison if champion.channel == "speech" else [],
        folds=list(_folds(scored, champion)),
        choices=list(_choices(champion)),
        emotions=[
            (emotion, f"{rows['true'].eq(emotion).sum():,}", figures[f"recall_{emotion}"])
            for emotion in EMOTIONS
            if f"recall_{emotion}" in figures
        ],
        sexes=list(_sexes(scored, rows)),
        calibration=[(text, before[key], figures[key]) for key, text in _CALIBRATION.items()],
    )


def _folds(scored: Scored, champion: Champion) -> Iterator[Row]:
    """Return each fold with its figures, and all of them together."""
    rows = scored.published.predictions[champion.predictions]
    for fold in champion.folds:
        tested = rows[rows["fold"].eq(fold.fold)]
        figures = scored.score(tested)
        actors = ", ".join(f"{actor:02d}" for actor in sorted(fold.actors))
        yield f"{fold.fold}", actors, f"{len(tested):,}", figures["uar"], figures["accuracy"]
    figures = scored.figures[champion.predictions]
    actors = f"all {rows['actor'].nunique()}"
    yield "all", actors, f"{len(rows):,}", figures["uar"], figures["accuracy"]


def _choices(champion: Champion) -> Iterator[Row]:
    """Return what was chosen for each fold."""
    for fold in champion.folds:
        members = ", ".join(f"{name} × {n}" for name, n in Counter(fold.members).items())
        yield fold.fold, f"{fold.inner_uar:.3f}", f"{fold.temperature:.2f}", members


def _sexes(scored: Scored, rows: pd.DataFrame) -> Iterator[Row]:
    for sex, tested in rows.groupby("sex"):
        figures = scored.score(tested)
        actors = tested["actor"].nunique()
        yield sex, actors, f"{len(tested):,}", figures["uar"], figures["accuracy"]
