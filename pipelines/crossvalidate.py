"""crossvalidate: selection and training, tested on each fold in turn."""

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
    search_result = _read_search_result(project, settings, modality)
    with atomic_write(project.crossvalidation(modality)) as folder:
        folder.mkdir()
        if isinstance(search_result, Skipped):
            search_result.write(folder / "summary.json")
            log.info(f"crossvalidate {modality}: skipped: {search_result.reason}")
            return
        store.connect(project)
        keep_freed_memory()
        import_tensorflow_quietly()
        from avemo.training.crossvalidate import crossvalidate
        from avemo.training.task import load_task

        task = load_task(project, settings, modality)
        result = crossvalidate(project, settings, task, search_result, folder)
        result.write(folder / "summary.json")
    log.info(f"crossvalidate {modality}: UAR {result.figures['uar']}; next: avemo report --keep")


def _read_search_result(
    project: Project, settings: Settings, modality: Modality
) -> SearchResult | Skipped:
    result = read_or_skipped(SearchResult, project.search_result(modality))
    if isinstance(result, Skipped):
        return result
    if settings.search.budget == "quick":
        reason = "search.budget is quick, and this takes as long as a search for each fold"
        return Skipped(reason=reason)
    if not result.trials:
        return Skipped(reason="the search had nothing to choose by")
    return result


if __name__ == "__main__":
    run_stage(main, "modality")
