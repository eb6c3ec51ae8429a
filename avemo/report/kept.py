"""The kept predictions: Git has them, so that the results can be read and checked anywhere.

A performance's own name says its emotion, channel and actor; a table can only agree with it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..corpus.adapters import ravdess
from ..emotions import EMOTIONS
from ..errors import AvemoError, ten
from ..evaluation.metrics import PROBABILITIES, probabilities
from .facts import PREDICTIONS, RUNS, UNCALIBRATED, Baseline, Champion, Facts
from .facts import read as read_facts

__all__ = ["FOLDER", "Damaged", "Kept", "checked", "checked_rows", "facts", "read", "table"]

#: in a checkout
FOLDER = Path("results", "audio")

_NOTHING = (
    f"nothing is kept in {FOLDER}: run the stages (dvc repro in study), then avemo report --keep"
)
_COLUMNS = ("performance", "fold", "true", *PROBABILITIES)
#: probabilities are rounded to six places: by how much eight of them may miss one, and by how much
#: the likeliest may seem to be less likely than another
_SUM, _TIE = 1e-4, 2e-6


class Damaged(AvemoError):
    """A file of predictions cannot be trusted."""


@dataclass(frozen=True)
class Kept:
    """Everything in `results/audio`, checked.

    Args:
        facts: what made the tables
        tables: predictions by the file's name, such as `baselines/lstm-speech-actor.csv`
    """

    facts: Facts
    tables: dict[str, pd.DataFrame]


def read(folder: Path) -> Kept:
    """Read and check what is kept.

    Args:
        folder: `results/audio`

    Raises:
        AvemoError: nothing is kept, or a file is damaged
    """
    try:
        return checked(folder)
    except Damaged as error:
        raise AvemoError(
            f"{error}. Bring it back (git checkout -- {FOLDER}), or take it anew from its stage "
            "(avemo report --keep)"
        ) from None


def checked(folder: Path) -> Kept:
    """The same, of a folder that is to become `results/audio`.

    Raises:
        Damaged: a file of predictions is; the message says how
    """
    found = facts(folder)
    if not found.files:
        raise AvemoError(_NOTHING)
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*.csv")}
    for name in sorted(there - set(found.files)):
        raise Damaged(f"{FOLDER / name}: {RUNS} names no run that made it")
    tables = {name: table(folder / name, str(FOLDER / name)) for name in found.files}
    if found.champion:
        _champion(found.champion, tables[PREDICTIONS], tables[UNCALIBRATED])
    for system in found.systems:
        for run in system.runs:
            name = system.file(run)
            with _explained(str(FOLDER / name)):
                _baseline(run, tables[name])
    return Kept(found, tables)


def facts(folder: Path) -> Facts:
    """What made the tables.

    Raises:
        AvemoError: nothing is kept, or the file is damaged
    """
    file = folder / RUNS
    if file.exists():
        return read_facts(Facts, file, str(FOLDER / RUNS))
    if any(folder.rglob("*.csv")):
        raise Damaged(f"{FOLDER / RUNS} is missing, which says what made the others")
    raise AvemoError(_NOTHING)


def table(file: Path, name: str) -> pd.DataFrame:
    """A file of predictions, in the order of its performances, as `metrics` takes it.

    Args:
        file: columns performance, fold, true and the probabilities
        name: what an error calls it

    Returns:
        `actor`, `channel` and `sex` besides, from the performance's name

    Raises:
        Damaged: the message says how
    """
    with _explained(name):
        if not file.exists():
            raise ValueError(f"it is missing, and {RUNS} names the run that made it")
        return checked_rows(pd.read_csv(file, dtype={"performance": str, "true": str}))


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """A ValueError, pandas' own too, becomes one that names the file."""
    try:
        yield
    except ValueError as error:
        raise Damaged(f"{name}: {error}") from None


def checked_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Predictions, checked, and in the order of their performances; as `table`.

    Raises:
        ValueError: the message says what is wrong
    """
    if missing := [name for name in _COLUMNS if name not in rows]:
        raise ValueError(f"there is no column {ten(missing)}")
    if rows.empty:
        raise ValueError("there are no rows: one a performance is expected")
    rows = rows[list(_COLUMNS)].sort_values("performance", ignore_index=True)
    names = rows["performance"].fillna("")
    decoded = [ravdess.parse(f"03-{name}") for name in names]
    _none(names, names.duplicated(), "is there more than once")
    _none(rows["true"], ~rows["true"].isin(EMOTIONS), "is no emotion")
    labels = pd.Series([one.label for one in decoded])
    _none(names, rows["true"].ne(labels), "is by its name of another emotion than `true` says")
    if not pd.api.types.is_integer_dtype(rows["fold"]):
        raise ValueError("`fold` holds what is no whole number")
    chances = probabilities(rows)
    least, most, sums = (pd.Series(how(chances, axis=1)) for how in (np.min, np.max, np.sum))
    _none(names, least.lt(0) | most.gt(1), "has probabilities beyond 0 and 1")
    _none(names, ~sums.between(1 - _SUM, 1 + _SUM), "has probabilities that do not sum to one")
    return rows.assign(
        actor=[one.actor for one in decoded],
        channel=[ravdess.CHANNELS[one.channel] for one in decoded],
        sex=[one.sex for one in decoded],
    )


def _none(names: Iterable[str], wrong: Iterable[bool], what: str) -> None:
    found = sorted({str(name) for name, bad in zip(names, wrong, strict=True) if bad})
    if found:
        raise ValueError(f"{ten(found)} {what}")


def _champion(champion: Champion, rows: pd.DataFrame, before: pd.DataFrame) -> None:
    with _explained(str(FOLDER / UNCALIBRATED)):
        same = ["performance", "fold", "true"]
        if not before[same].equals(rows[same]):
            raise ValueError(f"it has other performances or folds than {PREDICTIONS}")
    with _explained(str(FOLDER / PREDICTIONS)):
        _complete(rows, champion.performances)
        _unheard(rows)
        noted = {fold.fold: sorted(fold.actors) for fold in champion.folds}
        if noted != {
            int(str(fold)): sorted(set(one)) for fold, one in rows.groupby("fold")["actor"]
        }:
            raise ValueError(f"it has other folds, or other actors in them, than {RUNS}")
    for fold in champion.folds:
        with _explained(f"{FOLDER / PREDICTIONS}, fold {fold.fold}"):
            _gives(rows[rows["fold"].eq(fold.fold)], fold.uar)


def _baseline(run: Baseline, rows: pd.DataFrame) -> None:
    if run.channel != "both" and set(rows["channel"]) != {run.channel}:
        raise ValueError(f"it has performances that are no {run.channel}")
    _complete(rows, run.performances)
    if run.protocol == "actor":
        _unheard(rows)
    _gives(rows, run.uar)


def _complete(rows: pd.DataFrame, performances: int) -> None:
    if len(rows) != performances:
        raise ValueError(
            f"it has {len(rows):,} performances, and by {RUNS} there were {performances:,}"
        )


def _unheard(rows: pd.DataFrame) -> None:
    folds = rows.groupby("actor")["fold"].nunique()
    if twice := [f"{actor}" for actor in folds.index[folds.gt(1)]]:
        raise ValueError(
            f"of actor {ten(twice)} there are performances in more than one fold, so that a model "
            "has heard who it is tested on"
        )


def _gives(rows: pd.DataFrame, uar: float) -> None:
    """What the stage found is what these predictions give, as far as their rounding tells."""
    chances = probabilities(rows)
    likeliest = chances >= chances.max(axis=1, keepdims=True) - _TIE
    true = np.array([EMOTIONS.index(emotion) for emotion in rows["true"]])
    perhaps = likeliest[np.arange(len(rows)), true]
    surely = perhaps & (likeliest.sum(axis=1) == 1)
    low, high = (
        float(np.mean([right[true == emotion].mean() for emotion in np.unique(true)]))
        for right in (surely, perhaps)
    )
    if not low - _SUM <= uar <= high + _SUM:
        raise ValueError(
            f"it gives a UAR of {low:.4f}, and by {RUNS} it was {uar:.4f}: these are not the "
            "run's predictions"
        )
