"""soundtrack: sound out of video that has no wav of its own."""

import logging

import pandas as pd

from avemo.commands import run_stage
from avemo.corpus import soundtrack
from avemo.io import atomic_write
from avemo.paths import Project
from avemo.settings import Settings

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings) -> None:
    with atomic_write(project.soundtrack) as folder:
        count = soundtrack.write(pd.read_parquet(project.catalogue), project.raw, folder)
    log.info(
        f"soundtrack: {count} written; every other performance has a wav of its own, or no sound"
    )


if __name__ == "__main__":
    run_stage(main)
