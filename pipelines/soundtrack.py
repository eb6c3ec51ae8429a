"""soundtrack: sound out of video that has no wav of its own."""

import pandas as pd

from avemo.corpus import soundtrack
from avemo.io import atomic_write
from avemo.paths import Project, stage
from avemo.settings import Settings


def main(project: Project, settings: Settings) -> None:
    with atomic_write(project.soundtrack) as folder:
        count = soundtrack.write(pd.read_parquet(project.catalogue), project.raw, folder)
    print(f"soundtrack: {count} written; every other performance has a wav of its own, or no sound")


if __name__ == "__main__":
    stage(main)
