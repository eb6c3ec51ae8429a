"""register: each trained model as a version in the registry."""

import logging

from avemo.commands import run_stage
from avemo.paths import Project
from avemo.quiet import import_tensorflow_quietly
from avemo.records import EvaluationResult
from avemo.settings import Settings
from avemo.tracking import store

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings) -> None:
    store.connect(project, spool=False)
    import_tensorflow_quietly()
    from avemo.registry.register import register

    evaluation = EvaluationResult.read(project.evaluation_result)
    registration = register(project, settings, evaluation)
    registration.write(project.registered)
    for modality, reason in registration.skipped.items():
        log.info(f"register: no avemo-{modality}: {reason}")
    for version in registration.versions.values():
        aliases = " and ".join(version.aliases)
        log.info(f"register: {version.name} version {version.version}, {aliases}")
        if version.not_champion:
            log.info(f"register: {version.name} has no new champion: {version.not_champion}")
        if version.prior_reason:
            log.warning(
                f"register: {version.name} is the untrained prior and not the trained model: "
                f"{version.prior_reason}"
            )


if __name__ == "__main__":
    run_stage(main)
