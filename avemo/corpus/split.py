"""Parts and folds, shared by every modality.

All recordings of one performance, and all that are byte-identical, stand in one part.
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

#: `protocol: random`, fold by fold: three fifths train, one fifth each valid and test. Whatever
#: is dealt of an emotion, few or many, comes close to these shares
_RANDOM = {1: "train", 2: "valid", 3: "train", 4: "test", 5: "train"}


def assign(catalogue: pd.DataFrame, settings: Split, seed: int) -> pd.DataFrame:
    """Deal the usable performances to parts.

    `actor`: pairs of neighbouring actors (one man, one woman) are dealt to the folds in turn, so
    that no actor's fold depends on who else is there: for RAVDESS six folds of two men and two
    women. `random`: performances in an order drawn from the seed, emotion after emotion, dealt to
    five folds in turn.

    Returns:
        columns performance, part, fold; sorted by performance

    Raises:
        CorpusError: the training part would be empty, or two actors have one content
    """
    rows = select_usable(catalogue).sort_values(["performance", "recording"])
    performances = rows.drop_duplicates("performance").set_index("performance")
    group = _groups(rows)
    if settings.protocol == "actor":
        _refuse_shared(rows)
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


def _refuse_shared(rows: pd.DataFrame) -> None:
    """Stop where one content stands under two actors: it would be in two parts."""
    for _, same in rows[rows.duplicated("sha256", keep=False)].groupby("sha256"):
        actors = same.drop_duplicates("actor")
        if len(actors) > 1:
            one, other = actors["recording"].head(2)
            raise CorpusError(
                f"{one} and {other} are byte-identical, though of two actors: which is true cannot "
                "be known; remove both, or run `dvc repro` to have the catalogue set them aside"
            )


def _groups(rows: pd.DataFrame) -> "pd.Series[str]":
    """For each performance the first one that it must stay with."""
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
    """As CSV, one line a performance: readable, and stable in a diff."""
    with atomic_write(file) as beside:
        split.to_csv(beside, index=False, lineterminator="\n")


def read(file: Path) -> pd.DataFrame:
    """What `write` wrote."""
    return pd.read_csv(file)


def split_id(file: Path) -> str:
    """The split's id: features and figures of two different ids must not be mixed."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def require_same_split(found: str, current: str, what: str) -> None:
    """Refuse what was made on another split: its training part may hold this one's test part.

    Args:
        found: the split's id that it was made on
        current: the id of the split that stands in the project
        what: what it is, as in "the search result of audio"

    Raises:
        CorpusError: the two differ
    """
    if found != current:
        raise CorpusError(
            f"{what} was made on split {found}, and the current split is {current}: run "
            "`dvc repro`, which makes it again"
        )
