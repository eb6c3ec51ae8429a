"""train: the members that the search selected, fitted and joined to one model."""

import logging

from avemo.allocator import keep_freed_memory
from avemo.commands import run_stage
from avemo.io import atomic_write
from avemo.modalities import Modality
from avemo.paths import Project
from avemo.quiet import import_tensorflow_quietly
from avemo.records import SearchResult, Skipped, read_or_skipped
from avemo.settings import Settings
from avemo.tracking import store

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings, modality: Modality) -> None:
    search_result = read_or_skipped(SearchResult, project.search_result(modality))
    with atomic_write(project.trained(modality)) as folder:
        folder.mkdir()
        if isinstance(search_result, Skipped):
            search_result.write(folder / "run.json")
            log.info(f"train {modality}: skipped: {search_result.reason}")
            return
        store.connect(project)
        keep_freed_memory()
        import_tensorflow_quietly()
        from avemo.training.task import load_task
        from avemo.training.train import train

        task = load_task(project, settings, modality)
        result = train(project, settings, task, search_result, folder)
        result.write(folder / "run.json")
    figure = "nothing to validate on"
    if result.valid is not None:
        figure = f"validation UAR {result.valid['uar'].value:.3f}"
    note = f"; {result.note}" if result.note else ""
    log.info(f"train {modality}: {result.architecture}, {figure}{note}")


if __name__ == "__main__":
    run_stage(main, "modality")
