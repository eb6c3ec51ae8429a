"""baselines: one of the original study's systems, on every channel and protocol."""

import logging

from avemo.allocator import keep_freed_memory
from avemo.baselines import clips, summary
from avemo.commands import run_stage
from avemo.io import atomic_write
from avemo.paths import Project
from avemo.quiet import import_tensorflow_quietly
from avemo.records import Skipped
from avemo.settings import Settings
from avemo.tracking import store

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings, system: str) -> None:
    with atomic_write(project.baseline(system)) as folder:
        folder.mkdir()
        try:
            loaded = clips.load_clips(project, settings, system)
        except clips.MissingFeatures as reason:
            Skipped(reason=str(reason)).write(folder / "runs.json")
            log.info(f"baselines {system}: left out: {reason}")
            return
        store.connect(project)
        keep_freed_memory()
        import_tensorflow_quietly()
        from avemo.baselines.checkpoints import clear
        from avemo.baselines.run import run

        result = run(project, settings, system, loaded, folder)
        result.write(folder / "runs.json")
    clear(project.checkpoints(system))
    for skipped in result.skipped_runs:
        log.info(f"baselines {system}: no {skipped.channel} {skipped.protocol}: {skipped.reason}")
    for baseline in result.runs:
        log.info(f"baselines {system}: {summary.describe(baseline)}")


if __name__ == "__main__":
    run_stage(main, "system")
