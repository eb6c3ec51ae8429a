"""crossvalidate: choosing and training, tested on each fold in turn."""

import logging

from avemo.commands import run_stage
from avemo.io import atomic_write
from avemo.modalities import Modality
from avemo.paths import Project
from avemo.quiet import import_tensorflow_quietly
from avemo.records import Skipped
from avemo.settings import Settings
from avemo.tracking import json_file, store

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings, modality: Modality) -> None:
    found = json_file.read(project.search(modality) / "found.json")
    with atomic_write(project.crossvalidation(modality)) as folder:
        folder.mkdir()
        if reason := _reason(settings, found):
            log.info(f"crossvalidate {modality}: left out: {reason}")
            Skipped(reason=reason).write(folder / "summary.json")
            return
        store.connect(project)
        import_tensorflow_quietly()
        from avemo.training.crossvalidate import crossvalidate
        from avemo.training.task import task

        result = crossvalidate(project, settings, task(project, settings, modality), found, folder)
        result.write(folder / "summary.json")
    log.info(f"crossvalidate {modality}: UAR {result.figures['uar']}; next: avemo report --keep")


def _reason(settings: Settings, found: dict[str, object]) -> str:
    """Why there is nothing to do; empty where there is."""
    if "absent" in found:
        return str(found["absent"])
    if settings.search.budget == "quick":
        return "search.budget is quick, and this takes as long as a search for each fold"
    return "" if found["trials"] else "the search had nothing to choose by"


if __name__ == "__main__":
    run_stage(main, "modality")
