"""What the registered models answer for single real clips, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..corpus import ravdess
from ..errors import AvemoError, ten
from ..evaluation.metrics import PROBABILITIES
from ..page import code, table
from . import tables
from .judged import caption

if TYPE_CHECKING:  # `avemo report` reads what is kept, and needs nothing that answers
    from ..serving.predictor import Prediction

__all__ = ["FILE", "keep", "read", "section"]

#: in a checkout
FILE = Path("results", "fused", "clips.csv")

_COLUMNS = ["clip", "model", "part", *PROBABILITIES]


def keep(root: Path, answered: Sequence[Prediction], parts: dict[str, str]) -> None:
    """Write the answers where Git keeps them.

    Args:
        root: of the checkout
        answered: for clips that are called as RAVDESS calls them
        parts: train, valid or test, by performance

    Raises:
        AvemoError: a clip has no answer or another name, or a model knows the synthetic sample
            alone; then nothing is written
    """
    if without := [one.file for one in answered if one.finding]:
        raise AvemoError(f"nothing is kept: of {ten(without)} there is no answer")
    if synthetic := sorted({one.model for one in answered if one.synthetic}):
        raise AvemoError(f"nothing is kept: {ten(synthetic)} was trained on the synthetic sample")
    try:
        rows = [
            {
                "clip": Path(one.file).stem,
                "model": one.model,
                "part": parts.get(ravdess.parse(Path(one.file).stem).performance, ""),
            }
            | {f"p_{name}": chance for name, chance in one.probabilities.items()}
            for one in answered
        ]
        found = _checked(pd.DataFrame(rows))
    except ValueError as error:
        raise AvemoError(f"nothing is kept: {error}") from None
    tables.write(root / FILE, found)


def read(root: Path) -> pd.DataFrame | None:
    """What is kept, in order of the clips' actors; None where nothing is.

    Raises:
        AvemoError: the file is damaged
    """
    return tables.read(root, FILE, _checked, dtype={"clip": str}, keep_default_na=False)


def section(answered: pd.DataFrame) -> list[str]:
    """In Markdown: the answers, clip by clip."""
    named = [ravdess.parse(clip) for clip in answered["clip"]]
    chances = answered[list(PROBABILITIES)].to_numpy()
    answer = [ravdess.EMOTIONS[place] for place in chances.argmax(axis=1)]
    known = answered["part"].isin(["train", "valid"]).tolist()
    right = [given == one.label for given, one in zip(answer, named, strict=True)]
    lines = [
        (
            code(clip),
            one.label,
            model,
            given,
            f"{chance:.2f}",
            "yes" if hit else "no",
            "known" if learnt else "unknown",
        )
        for clip, one, model, given, chance, hit, learnt in zip(
            answered["clip"],
            named,
            answered["model"],
            answer,
            chances.max(axis=1),
            right,
            known,
            strict=True,
        )
    ]
    unseen = [hit for hit, learnt in zip(right, known, strict=True) if not learnt]
    return [
        caption("What the registered models answer for single clips of real video.", False),
        table(
            ("clip", "emotion", "answered by", "answer", "how sure", "right", "the actor is"),
            lines,
        ),
        f"Of unknown actors {sum(unseen)} of {len(unseen)} are right. Of a known actor, the models "
        "know other clips or this one, and that they are right says nothing. The visual "
        "part has learnt from the few real clips at hand alone: this shows that real video goes "
        "through and which model answers, and not how well emotions are recognised. A performance "
        "may stand here with sound (01) and without (02).",
        f"`avemo predict --keep FILE...` asks anew; the answers stand in `{FILE}`.",
    ]


def _checked(answered: pd.DataFrame) -> pd.DataFrame:
    return tables.by_clip(answered, _COLUMNS, list(PROBABILITIES))
