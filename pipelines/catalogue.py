"""catalogue: one row a recording, decoded, measured, checked; and a report."""

import logging

from avemo.commands import run_stage
from avemo.corpus import catalogue, checks, report, selection
from avemo.io import atomic_write
from avemo.paths import Project
from avemo.settings import Settings

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings) -> None:
    rows = catalogue.build(project.raw, settings.catalogue, settings.labels)
    left_out = rows["finding"].eq("left-out")
    for row in rows[rows["finding"].ne("") & ~left_out].head(10).itertuples():
        log.info(f"catalogue: set aside {row.path}: {row.finding}: {row.reason}")
    warnings = rows["warnings"].str.split(", ").explode()
    for finding, count in warnings[warnings.ne("")].value_counts(sort=False).items():
        log.info(f"catalogue: warning: {finding}: {count}")
    missing = 0 if settings.corpus.synthetic else sum(map(len, checks.list_missing(rows).values()))
    if missing:
        log.info(f"catalogue: warning: missing of the published archives: {missing}")
    with atomic_write(project.report) as folder:
        folder.mkdir()
        report.write(rows, settings, folder)
    page = (project.report / f"{report.NAME}.html").relative_to(project.root)
    log.info(f"catalogue: more in {page}")
    catalogue.check(rows, settings.catalogue)
    with atomic_write(project.catalogue) as temporary:
        rows.to_parquet(temporary, index=False)
    used = selection.select_usable(rows)
    log.info(
        f"catalogue: {len(used)} recordings of {used['performance'].nunique()} performances by "
        f"{used['actor'].nunique()} actors; {len(rows) - len(used) - left_out.sum()} set aside"
        + (f", {left_out.sum()} left out by labels.corpora" if left_out.any() else "")
    )


if __name__ == "__main__":
    run_stage(main)
