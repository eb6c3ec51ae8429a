"""Statistics of people who do not exist."""

from __future__ import annotations

from pathlib import Path

from helpers.registered_versions import new_network, new_project, register_version

from avemo.inference.adaptation import SpeakerStatistics

__all__ = ["drawn_statistics", "register_adapting_champion"]


def drawn_statistics(*, space: str = "s", neutral: bool = False) -> SpeakerStatistics:
    """Return the statistics of one clip."""
    return SpeakerStatistics(space, 1, int(neutral), (0.25, -0.5))


def register_adapting_champion(folder: Path, *, other_space: bool = False) -> Path:
    """Register a champion for sound that adapts, in a new project; return the project's folder."""
    project = new_project(folder / "project")
    register_version(
        folder / "version",
        None,
        alias="champion",
        network=new_network("happy", seed=7),
        seed=5 if other_space else 4,
    )
    return project.root
