"""catalogue: one row a recording, decoded, measured, checked."""

from avemo.corpus import catalogue
from avemo.files import whole
from avemo.project import Project, stage
from avemo.settings import Settings


def main(project: Project, settings: Settings) -> None:
    rows = catalogue.build(project.raw, settings.catalogue)
    for row in rows[rows["finding"].ne("")].head(10).itertuples():
        print(f"catalogue: set aside {row.path}: {row.finding}: {row.reason}")
    catalogue.check(rows, settings.catalogue)
    with whole(project.catalogue) as beside:
        rows.to_parquet(beside, index=False)
    used = catalogue.usable(rows)
    print(
        f"catalogue: {len(used)} recordings of {used['performance'].nunique()} performances by "
        f"{used['actor'].nunique()} actors; {len(rows) - len(used)} set aside"
    )


if __name__ == "__main__":
    stage(main)
