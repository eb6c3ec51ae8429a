"""split: every performance's part and fold."""

import pandas as pd

from avemo.corpus import split
from avemo.paths import Project, stage
from avemo.settings import Settings


def main(project: Project, settings: Settings) -> None:
    dealt = split.assign(pd.read_parquet(project.catalogue), settings.split, settings.seed)
    split.write(dealt, project.split)
    counts = dealt["part"].value_counts()
    parts = ", ".join(f"{part} {counts.get(part, 0)}" for part in split.PARTS)
    print(f"split {split.identity(project.split)}, by {settings.split.protocol}: {parts}")
    if "test" not in counts:
        print("split: the test part is empty: no figure can be had on it")


if __name__ == "__main__":
    stage(main)
