"""Parts and folds, shared by every modality.

All recordings of one performance, and all that are byte-identical, are in one part.
"""

import hashlib
from pathlib import Path

import pandas as pd

from ..errors import CorpusError
from ..io import atomic_write
from ..settings import Split
from .manifest import select_usable

__all__ = ["PARTS", "assign", "read", "require_same_split", "split_id", "write"]

PARTS = ("train", "valid", "test")

#: `protocol: random`, by fold: three fifths train, one fifth each valid and test. However many
#: performances an emotion has, they come close to these shares
_RANDOM = {1: "train", 2: "valid", 3: "train", 4: "test", 5: "train"}


def assign(catalogue: pd.DataFrame, settings: Split, seed: int) -> pd.DataFrame:
    """Assign the usable performances to folds and parts.

    `actor`: pairs of neighbouring actors (one man, one woman) are assigned to the folds in turn, so
    that no actor's fold depends on the other actors: for RAVDESS six folds of two men and two
    women. `random`: performances, in an order drawn from the seed, emotion by emotion, are assigned
    to five folds in turn.

    Returns:
        columns performance, part, fold; sorted by performance

    Raises:
        CorpusError: the training part would be empty, or two actors share one recording
    """
    rows = select_usable(catalogue).sort_values(["performance", "recording"])
    performances = rows.drop_duplicates("performance").set_index("performance")
    group = _group_copies(rows)
    if settings.protocol == "actor":
        _refuse_shared_recordings(rows)
        fold = (performances["actor"] - 1) // 2 % settings.folds + 1
        part = fold.map({settings.test_fold: "test", settings.valid_fold: "valid"}).fillna("train")
    else:
        order = group.map(lambda name: hashlib.sha256(f"{seed}/{name}".encode()).hexdigest())
        heads = performances[performances.index == group].assign(order=order)
        heads = heads.sort_values(["emotion", "order"])
        fold = group.map({name: at % len(_RANDOM) + 1 for at, name in enumerate(heads.index)})
        part = fold.map(_RANDOM)
    split = pd.DataFrame({"part": part, "fold": fold}).rename_axis("performance").reset_index()
    if not split["part"].eq("train").any():
        raise CorpusError(
            f"the training part is empty: every one of the {len(split)} performances fell into "
            "the test or validation fold; choose other folds in params.yaml (split), or more actors"
        )
    return split


def _refuse_shared_recordings(rows: pd.DataFrame) -> None:
    """Refuse identical recordings of two actors: they could be in two parts."""
    for _, same in rows[rows.duplicated("sha256", keep=False)].groupby("sha256"):
        actors = same.drop_duplicates("actor")
        if len(actors) > 1:
            first, second = actors["recording"].head(2)
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

    for _, same in rows.groupby("sha256", sort=True)["performance"]:
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
    return pd.read_csv(file)


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
