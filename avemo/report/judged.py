"""Everything that is kept, with its figures and their intervals."""

from dataclasses import dataclass

import pandas as pd

from ..evaluation.bootstrap import Bootstrap, Interval
from ..evaluation.metrics import intervals
from ..settings import Settings
from .kept import Kept

__all__ = ["Figures", "Judged", "caption", "judge"]

Figures = dict[str, Interval]


@dataclass(frozen=True)
class Judged:
    """What is kept and how good it is.

    Args:
        figures: by the name of the file of predictions
    """

    kept: Kept
    settings: Settings
    figures: dict[str, Figures]

    def of(self, rows: pd.DataFrame) -> Figures:
        """The figures of some predictions, such as a fold's."""
        return intervals(rows, Bootstrap.from_settings(self.settings))


def judge(kept: Kept, settings: Settings) -> Judged:
    """Work out the figures of everything that is kept."""
    judged = Judged(kept, settings, {})
    judged.figures.update({name: judged.of(rows) for name, rows in kept.tables.items()})
    return judged


def caption(text: str, synthetic: bool) -> str:
    """Above a table."""
    loud = "**Synthetic sample, no statement about accuracy.** " if synthetic else ""
    return f"{loud}*{text}*"
