"""search: the best architectures and hyperparameters of one modality."""

import logging

from avemo.allocator import keep_freed_memory
from avemo.commands import run_stage
from avemo.io import atomic_write
from avemo.modalities import Modality
from avemo.paths import Project
from avemo.quiet import import_tensorflow_quietly
from avemo.records import Skipped
from avemo.settings import Settings
from avemo.tracking import store

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings, modality: Modality) -> None:
    store.connect(project)
    keep_freed_memory()
    import_tensorflow_quietly()
    from avemo.training.search import search
    from avemo.training.task import NothingToTrain, load_task

    with atomic_write(project.search(modality)) as folder:
        folder.mkdir()
        try:
            task = load_task(project, settings, modality)
        except NothingToTrain as error:
            Skipped(reason=str(error)).write(folder / "search.json")
            log.info(f"search {modality}: skipped: {error}")
            return
        for name, reason in task.skipped.items():
            log.info(f"search {modality}: {name} skipped: {reason}")
        result = search(project, settings, task, folder)
    members = ", ".join(str(configuration["architecture"]) for configuration in result.members)
    best = "nothing to choose by"
    if result.val_uar is not None:
        best = f"best val_uar {result.val_uar:.3f}"
    log.info(f"search {modality}: {len(result.trials)} trials, {best}; members: {members}")


if __name__ == "__main__":
    run_stage(main, "modality")
