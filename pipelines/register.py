"""register: each trained model as a version in the registry."""

import logging

from avemo.commands import run_stage
from avemo.paths import Project
from avemo.quiet import import_tensorflow_quietly
from avemo.records import EvaluationResult
from avemo.settings import Settings
from avemo.tracking import json_file, store

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings) -> None:
    store.connect(project, spool=False)
    import_tensorflow_quietly()
    from avemo.registry.register import register

    evaluation = EvaluationResult.read(project.evaluation_result)
    made = register(project, settings, evaluation)
    json_file.write(project.registered, made)
    for modality, one in made.items():
        if "absent" in one:
            log.info(f"register: no avemo-{modality}: {one['absent']}")
        else:
            log.info(
                f"register: {one['name']} version {one['version']}, {' and '.join(one['aliases'])}"
            )


if __name__ == "__main__":
    run_stage(main)
