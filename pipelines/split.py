"""split: every performance's part and fold."""

import logging

from avemo.commands import run_stage
from avemo.corpus import split
from avemo.corpus.selection import read_catalogue
from avemo.paths import Project
from avemo.settings import Settings

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings) -> None:
    parts = split.assign(read_catalogue(project.catalogue), settings.split, settings.seed)
    split.write(parts, project.split)
    counts = parts["part"].value_counts()
    sizes = ", ".join(f"{part} {counts.get(part, 0)}" for part in split.PARTS)
    log.info(f"split {split.split_id(project.split)}, by {settings.split.protocol}: {sizes}")
    shared = split.count_shared_speakers(parts)
    if shared and settings.split.protocol == "manifest":
        log.warning(
            f"split: the manifest has {shared} speakers in more than one fold: figures are "
            "too good for a new speaker"
        )
    if "test" not in counts:
        log.info("split: the test part is empty: models cannot be evaluated on it")


if __name__ == "__main__":
    run_stage(main)
