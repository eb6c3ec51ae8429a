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
    from avemo.evaluation.table import results_table
    from avemo.terminal import show

    with atomic_write(project.evaluation) as folder:
        folder.mkdir()
        result = evaluate(project, settings, folder)
    show(results_table(result))
    for modality, model in result.modalities.items():
        if reason := model.skipped or model.no_test_data:
            log.info(f"evaluate {modality}: skipped: {reason}")
    if result.synthetic:
        log.info("On the synthetic sample corpus: the machinery works; nothing about accuracy.")


if __name__ == "__main__":
    run_stage(main)
