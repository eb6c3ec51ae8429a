"""train: the configuration that the search chose, fitted and kept."""

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
    found = json_file.read(project.search(modality) / "found.json")
    with atomic_write(project.trained(modality)) as folder:
        folder.mkdir()
        if "absent" in found:
            log.info(f"train {modality}: left out: {found['absent']}")
            json_file.write(folder / "run.json", found)
            return
        store.connect(project)
        import_tensorflow_quietly()
        from avemo.training.task import task
        from avemo.training.train import train

        made = train(project, settings, task(project, settings, modality), found, folder)
        json_file.write(folder / "run.json", made)
    uar = made["valid"].get("uar")
    figure = f"validation UAR {uar['value']:.3f}" if uar else "nothing to judge it on"
    note = f"; {made['note']}" if "note" in made else ""
    log.info(f"train {modality}: {made['architecture']}, {figure}{note}")


if __name__ == "__main__":
    run_stage(main, "modality")
