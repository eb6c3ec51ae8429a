"""soundtrack: the sound of videos, for performances without an audio-only recording."""

import logging

from avemo.commands import run_stage
from avemo.corpus import soundtrack
from avemo.corpus.selection import read_catalogue
from avemo.io import atomic_write
from avemo.paths import Project
from avemo.settings import Settings

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings) -> None:
    with atomic_write(project.soundtrack) as folder:
        count = soundtrack.write(read_catalogue(project.catalogue), project.raw, folder)
    log.info(f"soundtrack: {count} written; the others have an audio-only recording, or no sound")


if __name__ == "__main__":
    run_stage(main)
