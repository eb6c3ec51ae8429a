"""A folder of clips and a champion that answers for them by its own code, quickly."""

from pathlib import Path

import numpy as np
from helpers.registered_versions import new_network, new_project, register_version
from helpers.sounds import voice

from avemo.media.sound import write_wav
from avemo.records import ValidationProfile

RATE = 16000


def write_clips(folder: Path, count: int) -> list[Path]:
    """Write clips of half a second, each with another content."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"take {number:03}.wav" for number in range(count)]
    for number, file in enumerate(files):
        write_wav(file, voice(RATE, 0.5, 0.3 + number / 4 / count).astype(np.float32), RATE)
    return files


def register_champion(
    folder: Path, emotion: str = "happy", profile: ValidationProfile | None = None
) -> Path:
    """Register a champion for sound, in a new project, and return the project's folder."""
    project = new_project(folder / "project")
    network = new_network(emotion)
    register_version(folder / "version", None, alias="champion", network=network, profile=profile)
    return project.root
