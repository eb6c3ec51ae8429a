"""People who do not exist, and a version that adapts to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from helpers.adaptations import small_adaptation
from helpers.registered_versions import new_network, new_project, register_version

from avemo.inference.adaptation import ADAPTATION_FILE, SpeakerStatistics

__all__ = [
    "add_tone_adaptation",
    "drawn_statistics",
    "register_adapting_champion",
    "register_adapting_version",
]

#: mean and deviation of the version's feature
_COLUMNS = 16
#: likewise, of `tone_model`'s
_TONE_COLUMNS = 60


def drawn_statistics(*, space: str = "s", neutral: bool = False) -> SpeakerStatistics:
    """Return the statistics of one clip."""
    return SpeakerStatistics(space, 1, int(neutral), (0.75, 0.25), (0.25, -0.5))


def add_tone_adaptation(folder: Path, *, farthest: float = 1e7, other_space: bool = False) -> None:
    """Let the version adapt that `load_tone_model` wrote; it must be loaded anew.

    Args:
        folder: its files
        farthest: a clip is another speaker's beyond it
        other_space: it measures people otherwise
    """
    _write_adaptation(folder, _TONE_COLUMNS, "mfcc", farthest, other_space=other_space)


def _write_adaptation(
    folder: Path, columns: int, feature: str, farthest: float, *, other_space: bool
) -> None:
    own = small_adaptation(columns, feature)
    replace(
        own,
        projection=own.projection * (2 if other_space else 1),
        distances=np.linspace(-1e7, farthest, 1001),
    ).write(folder / ADAPTATION_FILE)


def register_adapting_version(
    folder: Path, *, other_space: bool = False, farthest: float = 1e7
) -> str:
    """Register a champion for sound that adapts, and return its number.

    Args:
        folder: must not exist
        other_space: it measures people otherwise
        farthest: a clip is another speaker's beyond it
    """

    def add_adaptation(package: Path, files: Path) -> None:
        _write_adaptation(files, _COLUMNS, "logmel", farthest, other_space=other_space)

    network = new_network("happy", seed=7)
    return register_version(folder, None, alias="champion", network=network, alter=add_adaptation)


def register_adapting_champion(
    folder: Path, *, other_space: bool = False, farthest: float = 1e7
) -> Path:
    """Register such a version and return the folder of a new project."""
    project = new_project(folder / "project")
    register_adapting_version(folder / "version", other_space=other_space, farthest=farthest)
    return project.root
