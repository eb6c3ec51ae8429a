"""A split of RAVDESS's performances, whose names say all but their part and fold."""

import pandas as pd

from avemo.corpus import split
from avemo.corpus.adapters import ravdess
from avemo.paths import Project

__all__ = ["write_split"]


def write_split(project: Project, rows: pd.DataFrame) -> None:
    """Write a project's split from the columns performance, part and fold."""
    recordings = [ravdess.parse(f"03-{performance}") for performance in rows["performance"]]
    table = rows.assign(
        corpus=ravdess.NAME,
        actor=[f"{recording.actor:02d}" for recording in recordings],
        sex=[recording.sex for recording in recordings],
        emotion=[recording.label for recording in recordings],
    )
    split.write(table[list(split.COLUMNS)], project.split)
