"""train: the configuration that the search chose, fitted and kept."""

import logging

from avemo import quiet
from avemo.commands import run_stage
from avemo.io import whole
from avemo.paths import Project
from avemo.settings import Settings
from avemo.tracking import json_file, store

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings, modality: str) -> None:
    found = json_file.read(project.search(modality) / "found.json")
    with whole(project.trained(modality)) as folder:
        folder.mkdir()
        if "absent" in found:
            log.info(f"train {modality}: left out: {found['absent']}")
            json_file.write(folder / "run.json", found)
            return
        store.connect(project)
        quiet.tensorflow()
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
