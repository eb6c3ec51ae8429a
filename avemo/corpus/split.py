"""Parts and folds, shared by every modality, and what is true of each performance.

All recordings of one performance, and all that are byte-identical, are in one part.
"""

import hashlib
from pathlib import Path

import pandas as pd

from ..errors import CorpusError
from ..io import atomic_write
from ..settings import Split
from ..tables import read_csv
from .folds import fold_by_corpus, fold_by_emobox, fold_by_manifest, fold_by_speaker
from .selection import require_columns, select_usable

__all__ = [
    "COLUMNS",
    "PARTS",
    "SEXES",
    "assign",
    "count_shared_speakers",
    "read",
    "require_same_split",
    "split_id",
    "write",
]

PARTS = ("train", "valid", "test")
SEXES = ("female", "male", "unknown")
#: of the split; all but the fold are text
COLUMNS = ("performance", "corpus", "actor", "sex", "emotion", "part", "fold")

#: `protocol: random`, by fold: three fifths train, one fifth each valid and test. However many
#: performances an emotion has, they come close to these shares
_RANDOM = {1: "train", 2: "valid", 3: "train", 4: "test", 5: "train"}


def assign(catalogue: pd.DataFrame, settings: Split, seed: int) -> pd.DataFrame:
    """Assign the usable performances to folds and parts.

    `actor`: see `folds.fold_by_speaker`. `emobox`: see `folds.fold_by_emobox`. `corpus`: see
    `folds.fold_by_corpus`. `manifest`: see `folds.fold_by_manifest`. `random`: performances, in an
    order drawn from the seed, emotion by emotion, are assigned to five folds in turn.

    Returns:
        columns performance, corpus, actor (the speaker), sex, emotion (its class), part, fold;
        sorted by performance

    Raises:
        CorpusError: the training part would be empty, two speakers share one recording, or the
            catalogue lacks a column
    """
    columns = [name for name in COLUMNS if name not in ("part", "fold")]
    if settings.protocol == "manifest":
        columns.append("split")
    require_columns(catalogue, *columns, "sha256")
    rows = select_usable(catalogue).sort_values(["performance", "recording"])
    performances = rows.drop_duplicates("performance").set_index("performance")
    if settings.protocol == "random":
        fold = _draw_folds(performances, _group_copies(rows), seed)
        part = fold.map(_RANDOM)
    else:
        if settings.protocol != "manifest":  # its folds are taken as they are
            _refuse_shared_recordings(rows)
        fold = _assign_folds(performances, settings)
        part = fold.map({settings.test_fold: "test", settings.valid_fold: "valid"}).fillna("train")
    split = performances.assign(part=part, fold=fold).reset_index()[list(COLUMNS)]
    if not split["part"].eq("train").any():
        raise CorpusError(
            f"the training part is empty: every one of the {len(split)} performances fell into "
            "the test or validation fold; choose other folds in params.yaml (split), or more actors"
        )
    return split


def _assign_folds(performances: pd.DataFrame, settings: Split) -> "pd.Series[int]":
    """Return the fold of each performance, by every protocol but the random one."""
    match settings.protocol:
        case "actor":
            return fold_by_speaker(performances, settings.folds)
        case "emobox":
            return fold_by_emobox(performances)
        case "corpus":
            return fold_by_corpus(performances, settings.folds)
        case _:
            return fold_by_manifest(performances, settings)


def count_shared_speakers(split: pd.DataFrame) -> int:
    """Return how many speakers are in more than one fold."""
    return int(split.groupby("actor")["fold"].nunique().gt(1).sum())


def _draw_folds(performances: pd.DataFrame, group: "pd.Series[str]", seed: int) -> "pd.Series[int]":
    """Return random folds, emotion by emotion; performances of one group stay together."""
    order = group.map(lambda name: hashlib.sha256(f"{seed}/{name}".encode()).hexdigest())
    heads = performances[performances.index == group].assign(order=order)
    heads = heads.sort_values(["emotion", "order"])
    return group.map({name: at % len(_RANDOM) + 1 for at, name in enumerate(heads.index)})


def _refuse_shared_recordings(rows: pd.DataFrame) -> None:
    """Refuse identical recordings of two speakers: they could be in two parts."""
    copies = rows[rows.duplicated("sha256", keep=False)]
    shared = copies[copies.groupby("sha256")["actor"].transform("nunique").gt(1)]
    if len(shared):
        same = shared[shared["sha256"].eq(shared["sha256"].min())].drop_duplicates("actor")
        first, second = same["recording"].head(2)
        raise CorpusError(
            f"{first} and {second} are byte-identical, though of two actors: which is true "
            "cannot be known; remove both, or run `dvc repro`: the catalogue sets them aside"
        )


def _group_copies(rows: pd.DataFrame) -> "pd.Series[str]":
    """Return, for each performance, the first of those that it shares a recording with."""
    head = {name: name for name in rows["performance"]}

    def find(name: str) -> str:
        while head[name] != name:
            name = head[name]
        return name

    copies = rows[rows.duplicated("sha256", keep=False)]
    for _, same in copies.groupby("sha256", sort=True)["performance"]:
        members = sorted({find(name) for name in same})
        for name in members[1:]:
            head[name] = members[0]
    return pd.Series({name: find(name) for name in head})


def write(split: pd.DataFrame, file: Path) -> None:
    """Write CSV, one line a performance: readable, and stable in a diff."""
    with atomic_write(file) as temporary:
        split.to_csv(temporary, index=False, lineterminator="\n")


def read(file: Path) -> pd.DataFrame:
    """Read what `write` wrote."""
    return read_csv(file, text=COLUMNS[:-1])


def split_id(file: Path) -> str:
    """Return the split's id: features and figures of two different ids must not be mixed."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def require_same_split(result_split_id: str, current: str, what: str) -> None:
    """Refuse results of another split: its training part may hold this one's test part.

    Args:
        result_split_id: id of the split that the result was made on
        current: id of the project's split
        what: names the result, as in "the search result of audio"

    Raises:
        CorpusError: the two differ
    """
    if result_split_id != current:
        raise CorpusError(
            f"{what} was made on split {result_split_id}, and the current split is {current}: run "
            "`dvc repro`, which makes it again"
        )
