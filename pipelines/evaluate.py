"""evaluate: every trained model on the test part."""

import logging

from avemo.commands import run_stage
from avemo.io import atomic_write
from avemo.paths import Project
from avemo.quiet import import_tensorflow_quietly
from avemo.settings import Settings
from avemo.tracking import store

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings) -> None:
    store.connect(project)
    import_tensorflow_quietly()
    from avemo.evaluation.evaluate import evaluate
    from avemo.evaluation.table import lines

    with atomic_write(project.evaluation) as folder:
        folder.mkdir()
        found = evaluate(project, settings, folder)
    log.info("\n".join(lines(found)))


if __name__ == "__main__":
    run_stage(main)
