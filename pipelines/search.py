"""search: the best architectures and hyperparameters of one modality."""

import logging

from avemo.commands import run_stage
from avemo.io import atomic_write
from avemo.modalities import Modality
from avemo.paths import Project
from avemo.quiet import import_tensorflow_quietly
from avemo.settings import Settings
from avemo.tracking import json_file, store

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings, modality: Modality) -> None:
    store.connect(project)
    import_tensorflow_quietly()
    from avemo.training.objective import OBJECTIVE
    from avemo.training.search import search
    from avemo.training.task import Absent, task

    with atomic_write(project.search(modality)) as folder:
        folder.mkdir()
        try:
            gathered = task(project, settings, modality)
            for name, reason in gathered.left_out.items():
                log.info(f"search {modality}: {name} left out: {reason}")
            found = search(project, settings, gathered, folder)
        except Absent as reason:
            found = {"absent": str(reason)}
            log.info(f"search {modality}: left out: {reason}")
        else:
            names = [values["architecture"] for values in found["members"]]
            best = found[OBJECTIVE]
            score = f"{OBJECTIVE} {best:.3f}" if best else "nothing to choose by"
            tried = f"{len(found['trials'])} trials"
            log.info(f"search {modality}: {tried}, best {score}; made of {', '.join(names)}")
        json_file.write(folder / "found.json", found)


if __name__ == "__main__":
    run_stage(main, "modality")
