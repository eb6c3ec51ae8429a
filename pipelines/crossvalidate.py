"""crossvalidate: selection and training, tested on each fold in turn."""

import logging
from pathlib import Path

from avemo.allocator import keep_freed_memory
from avemo.commands import run_stage
from avemo.io import atomic_write
from avemo.modalities import UNIMODAL, Modality, Unimodal
from avemo.paths import Project
from avemo.quiet import import_tensorflow_quietly
from avemo.records import Interval, SearchResult, Skipped, read_or_skipped
from avemo.settings import Settings
from avemo.tracking import store

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings, modality: Modality) -> None:
    modalities = UNIMODAL if modality == "fused" else (modality,)
    search_results, skipped = {}, None
    for name in modalities:
        search_result = _read_search_result(project, settings, name)
        if isinstance(search_result, Skipped):
            skipped = search_result
        else:
            search_results[name] = search_result
    with atomic_write(project.crossvalidation(modality)) as folder:
        folder.mkdir()
        if skipped:
            skipped.write(folder / "summary.json")
            log.info(f"crossvalidate {modality}: skipped: {skipped.reason}")
            return
        store.connect(project)
        keep_freed_memory()
        import_tensorflow_quietly()
        if modality == "fused":
            uar = _crossvalidate_fusion(project, settings, search_results, folder)
        else:
            uar = _crossvalidate(project, settings, modality, search_results[modality], folder)
    log.info(f"crossvalidate {modality}: UAR {uar}; next: avemo report --keep")


def _crossvalidate(
    project: Project,
    settings: Settings,
    modality: Unimodal,
    search_result: SearchResult,
    folder: Path,
) -> Interval:
    from avemo.training.crossvalidate import crossvalidate
    from avemo.training.task import load_task

    task = load_task(project, settings, modality)
    result = crossvalidate(project, settings, task, search_result, folder)
    result.write(folder / "summary.json")
    for fold in result.folds:
        corpora = ", ".join(fold.corpora)
        log.info(
            f"fold {fold.fold}, {corpora}: UAR {fold.uar:.3f} on {len(fold.actors)} speakers, and "
            f"{fold.inner_uar:.3f} on the other folds"
        )
    return result.figures["uar"]


def _crossvalidate_fusion(
    project: Project,
    settings: Settings,
    search_results: dict[Unimodal, SearchResult],
    folder: Path,
) -> Interval:
    from avemo.training.crossvalidate_fusion import crossvalidate_fusion
    from avemo.training.fusion import LATE

    result = crossvalidate_fusion(project, settings, search_results, folder)
    result.write(folder / "summary.json")
    return result.figures[LATE]["uar"]


def _read_search_result(
    project: Project, settings: Settings, modality: Unimodal
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
