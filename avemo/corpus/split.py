"""Parts and folds, shared by every modality.

All recordings of one performance, and byte-identical recordings of one actor, stand in one part.
"""

import hashlib
from pathlib import Path

import pandas as pd

from ..errors import CorpusError
from ..files import whole
from ..settings import Split
from .catalogue import usable

__all__ = ["PARTS", "assign", "identity", "read", "write"]

PARTS = ("train", "valid", "test")

#: `protocol: random`: three fifths train, one fifth each valid and test
_RANDOM = {1: "train", 2: "train", 3: "train", 4: "valid", 5: "test"}


def assign(catalogue: pd.DataFrame, settings: Split, seed: int) -> pd.DataFrame:
    """Deal the usable performances to parts.

    `actor`: pairs of neighbouring actors (one man, one woman) are dealt to the folds in turn, so
    that no actor's fold depends on who else is there: for RAVDESS six folds of two men and two
    women. `random`: performances in an order drawn from the seed, dealt emotion by emotion to five
    folds.

    Returns:
        columns performance, part, fold; sorted by performance

    Raises:
        CorpusError: the training part would be empty
    """
    rows = usable(catalogue).sort_values(["performance", "recording"])
    performances = rows.drop_duplicates("performance").set_index("performance")
    group = _groups(rows)
    if settings.protocol == "actor":
        fold = (performances["actor"] - 1) // 2 % settings.folds + 1
        part = fold.map({settings.test_fold: "test", settings.valid_fold: "valid"}).fillna("train")
    else:
        order = group.map(lambda name: hashlib.sha256(f"{seed}/{name}".encode()).hexdigest())
        heads = performances[performances.index == group].assign(order=order).sort_values("order")
        dealt = heads.groupby("emotion").cumcount() % len(_RANDOM) + 1
        fold = group.map(dealt)
        part = fold.map(_RANDOM)
    split = pd.DataFrame({"part": part, "fold": fold}).rename_axis("performance").reset_index()
    if not split["part"].eq("train").any():
        raise CorpusError(
            f"the training part is empty: every one of the {len(split)} performances fell into "
            "the test or validation fold; choose other folds in params.yaml (split), or more actors"
        )
    return split


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
    with whole(file) as beside:
        split.to_csv(beside, index=False, lineterminator="\n")


def read(file: Path) -> pd.DataFrame:
    """What `write` wrote."""
    return pd.read_csv(file)


def identity(file: Path) -> str:
    """The split's id: features and figures of two different ids must not be mixed."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
