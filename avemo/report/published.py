"""The published predictions: Git has them, so that anybody can read and check the results.

A performance's own name says its emotion, channel and actor; a table can only agree with it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..corpus.adapters import ravdess
from ..corpus.folds import EMOBOX
from ..errors import AvemoError, join_names
from ..evaluation.metrics import probabilities, probability_columns
from ..records import Channel
from ..tables import read_csv
from . import manifest
from .manifest import RUNS, Baseline, Champion, Manifest

__all__ = [
    "FOLDER",
    "DamagedPredictions",
    "Published",
    "channel_of",
    "check_predictions",
    "read",
    "read_manifest",
    "read_predictions",
    "read_unadvised",
]

#: in a checkout
FOLDER = Path("results", "audio")

_EMPTY = (
    f"nothing is published in {FOLDER}: run the stages (dvc repro in study), then avemo report "
    "--keep"
)
_COLUMNS = ("performance", "fold", "true", *probability_columns(ravdess.EMOTIONS))
#: probabilities are rounded to six places: by how much eight of them may miss one, and by how much
#: the likeliest may seem to be less likely than another
_SUM_TOLERANCE, _TIE_TOLERANCE = 1e-4, 2e-6


class DamagedPredictions(AvemoError):
    """A file of predictions cannot be trusted."""


@dataclass(frozen=True)
class Published:
    """Everything in `results/audio`, checked.

    Args:
        manifest: which run made each file
        predictions: by the file's name, such as `baselines/lstm-speech-actor.csv`
    """

    manifest: Manifest
    predictions: dict[str, pd.DataFrame]


def read(folder: Path) -> Published:
    """Read and check what is published.

    Args:
        folder: `results/audio`

    Raises:
        AvemoError: nothing is published, or a file is damaged
    """
    try:
        return read_unadvised(folder)
    except DamagedPredictions as error:
        raise AvemoError(
            f"{error}. Bring it back (git checkout -- {FOLDER}), or take it anew from its stage "
            "(avemo report --keep)"
        ) from None


def read_unadvised(folder: Path) -> Published:
    """Read and check a folder that is to become `results/audio`.

    Raises:
        DamagedPredictions: a file of predictions cannot be trusted; the message says why
    """
    contents = read_manifest(folder)
    if not contents.files:
        raise AvemoError(_EMPTY)
    present = {file.relative_to(folder).as_posix() for file in folder.rglob("*.csv")}
    for name in sorted(present - set(contents.files)):
        raise DamagedPredictions(f"{FOLDER / name}: {RUNS} names no run that made it")
    predictions = {
        name: read_predictions(folder / name, str(FOLDER / name)) for name in contents.files
    }
    for champion in contents.champions:
        rows = predictions[champion.predictions]
        _check_champion(champion, rows, predictions[champion.uncalibrated])
    for system in contents.systems:
        for run in system.runs:
            name = system.predictions(run)
            with _naming(str(FOLDER / name)):
                _check_baseline(run, predictions[name])
    return Published(contents, predictions)


def read_manifest(folder: Path) -> Manifest:
    """Return which run made each file.

    Raises:
        AvemoError: nothing is published, or the manifest is damaged
    """
    if (folder / RUNS).exists():
        return manifest.read(folder, str(FOLDER / RUNS))
    if any(folder.rglob("*.csv")):
        raise DamagedPredictions(f"{FOLDER / RUNS} is missing, which says what made the others")
    raise AvemoError(_EMPTY)


def read_predictions(file: Path, name: str) -> pd.DataFrame:
    """Return a file of predictions, as `check_predictions` does.

    Args:
        file: columns performance, fold, true and the probabilities
        name: what an error calls the file

    Raises:
        DamagedPredictions: the file cannot be trusted; the message says why
    """
    with _naming(name):
        if not file.exists():
            raise ValueError(f"it is missing, and {RUNS} names the run that made it")
        return check_predictions(read_csv(file, text=("performance", "true")))


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Turn a ValueError, pandas' own too, into one that names the file."""
    try:
        yield
    except ValueError as error:
        raise DamagedPredictions(f"{name}: {error}") from None


def check_predictions(rows: pd.DataFrame) -> pd.DataFrame:
    """Return predictions in the order of their performances, as `metrics.intervals` takes them.

    Returns:
        also `actor`, `channel` and `sex`, from the performance's name

    Raises:
        ValueError: the message says what is wrong
    """
    if missing := [name for name in _COLUMNS if name not in rows]:
        raise ValueError(f"there is no column {join_names(missing)}")
    if rows.empty:
        raise ValueError("there are no rows: one a performance is expected")
    rows = rows[list(_COLUMNS)].sort_values("performance", ignore_index=True)
    names = rows["performance"].fillna("")
    recordings = [ravdess.parse(f"03-{name}") for name in names]
    _refuse(names, names.duplicated(), "is there more than once")
    _refuse(rows["true"], ~rows["true"].isin(ravdess.EMOTIONS), "is no emotion")
    labels = pd.Series([recording.label for recording in recordings])
    _refuse(names, rows["true"].ne(labels), "is by its name of another emotion than `true` says")
    if not pd.api.types.is_integer_dtype(rows["fold"]):
        raise ValueError("`fold` holds what is no whole number")
    values = probabilities(rows)
    least, most, sums = (pd.Series(reduce(values, axis=1)) for reduce in (np.min, np.max, np.sum))
    _refuse(names, least.lt(0) | most.gt(1), "has probabilities beyond 0 and 1")
    off = ~sums.between(1 - _SUM_TOLERANCE, 1 + _SUM_TOLERANCE)
    _refuse(names, off, "has probabilities that do not sum to one")
    return rows.assign(
        actor=[recording.actor for recording in recordings],
        channel=[ravdess.CHANNELS[recording.channel] for recording in recordings],
        sex=[recording.sex for recording in recordings],
    )


def _refuse(names: Iterable[str], wrong: Iterable[bool], message: str) -> None:
    """Raise ValueError if anything is wrong, naming what is."""
    refused = sorted({str(name) for name, bad in zip(names, wrong, strict=True) if bad})
    if refused:
        raise ValueError(f"{join_names(refused)} {message}")


def channel_of(rows: pd.DataFrame) -> Channel:
    """Return which channel predictions are of.

    Args:
        rows: at least one, as `check_predictions` returns them
    """
    present = set(rows["channel"])
    return "both" if len(present) > 1 else "song" if "song" in present else "speech"


def _check_champion(champion: Champion, rows: pd.DataFrame, uncalibrated: pd.DataFrame) -> None:
    with _naming(str(FOLDER / champion.uncalibrated)):
        columns = ["performance", "fold", "true"]
        if not uncalibrated[columns].equals(rows[columns]):
            raise ValueError(f"it has other performances or folds than {champion.predictions}")
    file = FOLDER / champion.predictions
    with _naming(str(file)):
        if channel_of(rows) != champion.channel:
            raise ValueError(f"it is of {channel_of(rows)}, and by {RUNS} of {champion.channel}")
        _check_size(rows, champion.performances)
        _check_actors_apart(rows)
        expected = {fold.fold: sorted(fold.actors) for fold in champion.folds}
        actors = rows.groupby("fold")["actor"]
        if expected != {int(str(fold)): sorted(set(numbers)) for fold, numbers in actors}:
            raise ValueError(f"it has other folds, or other actors in them, than {RUNS}")
    for fold in champion.folds:
        with _naming(f"{file}, fold {fold.fold}"):
            _check_uar(rows[rows["fold"].eq(fold.fold)], fold.uar)


def _check_baseline(run: Baseline, rows: pd.DataFrame) -> None:
    if run.channel != "both" and set(rows["channel"]) != {run.channel}:
        raise ValueError(f"it has performances that are no {run.channel}")
    _check_size(rows, run.performances)
    if run.protocol in ("actor", "emobox"):
        _check_actors_apart(rows)
    if run.protocol == "emobox":
        _check_emobox(rows)
    _check_uar(rows, run.uar)


def _check_size(rows: pd.DataFrame, performances: int) -> None:
    if len(rows) != performances:
        raise ValueError(
            f"it has {len(rows):,} performances, and by {RUNS} there were {performances:,}"
        )


def _check_actors_apart(rows: pd.DataFrame) -> None:
    folds = rows.groupby("actor")["fold"].nunique()
    if repeated := [f"{actor}" for actor in folds.index[folds.gt(1)]]:
        raise ValueError(
            f"of actor {join_names(repeated)} there are performances in more than one fold, so "
            "that a model was trained on the actor that it is tested on"
        )


def _check_emobox(rows: pd.DataFrame) -> None:
    expected = {actor: fold for fold, actors in EMOBOX.items() for actor in actors}
    other = rows["fold"].ne(rows["actor"].map(expected))
    _refuse(rows["performance"], other, "is in another fold than EmoBox has it")


def _check_uar(rows: pd.DataFrame, uar: float) -> None:
    """Raise ValueError unless the predictions give this UAR, as far as their rounding tells."""
    values = probabilities(rows)
    likeliest = values >= values.max(axis=1, keepdims=True) - _TIE_TOLERANCE
    true = np.array([ravdess.EMOTIONS.index(emotion) for emotion in rows["true"]])
    possibly = likeliest[np.arange(len(rows)), true]
    surely = possibly & (likeliest.sum(axis=1) == 1)
    low, high = (
        float(np.mean([right[true == emotion].mean() for emotion in np.unique(true)]))
        for right in (surely, possibly)
    )
    if not low - _SUM_TOLERANCE <= uar <= high + _SUM_TOLERANCE:
        raise ValueError(
            f"it gives a UAR of {low:.4f}, and by {RUNS} it was {uar:.4f}: these are not the "
            "run's predictions"
        )
