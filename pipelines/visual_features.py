"""expression: every visual extractor over the faces of every performance that has some."""

import logging

from avemo.commands import run_stage
from avemo.paths import Project
from avemo.settings import Settings

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings) -> None:
    # here, for each worker imports this module and needs none of these
    from avemo.features import run_visual, store
    from avemo.features.registry import module, weights_of
    from pipelines import extractors as wanted

    extractors, weights = wanted.available(settings, "visual", "visual-features")
    seen = store.sources(project.faces)
    faces = store.description(project.faces)
    targets = {}
    for name, chosen in extractors.items():
        made_from = {"faces": faces}
        if files := {key: weights[key].name for key in weights_of(name)}:
            made_from["weights"] = files  # of one network there are several exports
        folder = project.features("visual", name)
        targets[name] = store.target(folder, name, module(name), chosen, made_from)
    computed = store.update(
        targets, seen, run_visual.Extraction(extractors, weights), cluster=settings.cluster
    )
    for name, count in computed.items():
        log.info(f"{name}: {count} performances computed, {len(seen) - count} kept")
    wanted.drop_others(project, "visual", targets)


if __name__ == "__main__":
    run_stage(main)
