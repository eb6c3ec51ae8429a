"""inputs: the settings, and what they name outside the pipeline, checked and linked."""

import logging

from avemo.commands import run_stage
from avemo.paths import Project
from avemo.settings import Settings

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings) -> None:
    from avemo.corpus.inputs import link_inputs

    for path in link_inputs(project, settings):
        log.info(f"inputs: {path}")


if __name__ == "__main__":
    run_stage(main)
