"""The expression network as it was given, on single clips: a mark for what is trained on top of it.

It was trained on people's pictures, not on acted clips, and knows no calm: calm counts as neutral.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..corpus import ravdess
from ..errors import AvemoError, ten
from ..features.expression import CLASSES
from ..page import code, table
from . import tables
from .judged import caption

if TYPE_CHECKING:  # `avemo report` reads what is kept, and needs nothing that sees
    from ..serving.expression import Seen

__all__ = ["FILE", "keep", "read", "section"]

#: in a checkout
FILE = Path("results", "visual", "expression.csv")

_CHANCES = [f"p_{name}" for name in CLASSES]
#: what RAVDESS calls each class
_EMOTIONS = dict(
    zip(
        CLASSES,
        ("angry", "disgust", "fearful", "happy", "neutral", "sad", "surprised"),
        strict=True,
    )
)


def keep(root: Path, seen: Sequence[Seen]) -> None:
    """Write what was seen where Git keeps it.

    Args:
        root: of the checkout
        seen: of clips that are called as RAVDESS calls them

    Raises:
        AvemoError: a clip could not be looked at, or is called otherwise; then nothing is written
    """
    if unseen := [one.file for one in seen if one.finding]:
        raise AvemoError(f"nothing is kept: of {ten(unseen)} there is no answer")
    rows = [
        {"clip": Path(one.file).stem, "faces": one.faces, "found_by": one.found_by}
        | {f"p_{name}": one.probabilities[name] for name in CLASSES}
        for one in seen
    ]
    try:
        found = _checked(pd.DataFrame(rows))
    except ValueError as error:
        raise AvemoError(f"nothing is kept: {error}") from None
    tables.write(root / FILE, found)


def read(root: Path) -> pd.DataFrame | None:
    """What is kept, in order of the clips' actors; None where nothing is.

    Raises:
        AvemoError: the file is damaged
    """
    return tables.read(root, FILE, _checked, dtype={"clip": str})


def section(seen: pd.DataFrame) -> list[str]:
    """In Markdown: what was seen, clip by clip, and how much of it is right."""
    named = [ravdess.parse(clip) for clip in seen["clip"]]
    chances = seen[_CHANCES].to_numpy()
    answer = [_EMOTIONS[CLASSES[place]] for place in chances.argmax(axis=1)]
    meant = ["neutral" if one.label == "calm" else one.label for one in named]
    right = np.array(answer) == np.array(meant)
    lines = [
        (code(clip), one.label, given, f"{chance:.2f}", "yes" if hit else "no")
        for clip, one, given, chance, hit in zip(
            seen["clip"], named, answer, chances.max(axis=1), right, strict=True
        )
    ]
    actors = np.array([one.actor for one in named])
    each = ", ".join(
        f"{right[actors == actor].sum()} of {(actors == actor).sum()} of actor {actor:02d}"
        for actor in sorted(set(actors))
    )
    absent = [name for name in _EMOTIONS.values() if name not in meant]
    return [
        caption(
            "The expression network as it was given, HSEmotion's MobileNet: the mean answer over a "
            "clip's faces.",
            False,
        ),
        table(("clip", "emotion", "answer", "how sure", "right"), lines),
        f"Right are {right.sum()} of {len(right)}: {each}; calm counts as neutral, which the "
        f"network has alone. Of {len(set(actors))} actors this says how real pictures go through, "
        "and not how well emotions are recognised"
        + (f"; of {' and '.join(absent)} there is no clip" if absent else "")
        + ". A performance may stand here with sound (01) and without (02).",
        f"The faces were found by {code(', '.join(sorted(set(seen['found_by']))))}. "
        f"`avemo expression --keep FILE...` looks at clips anew; what it saw stands in `{FILE}`.",
    ]


def _checked(seen: pd.DataFrame) -> pd.DataFrame:
    return tables.by_clip(seen, ["clip", "faces", "found_by", *_CHANCES], _CHANCES)
