"""visual-features: every visual extractor over the faces of every performance that has some."""

import logging

from avemo.commands import run_stage
from avemo.paths import Project
from avemo.settings import Settings

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings) -> None:
    # here, because each worker imports this module and needs none of these
    from avemo.features import store
    from avemo.features.extraction import Extraction, extract_visual_row
    from avemo.features.extractor import visual_extractors
    from pipelines.extractors import load_extractors, remove_others

    extractors = visual_extractors(load_extractors(settings, "visual"))
    sources = store.list_sources(project.faces)
    faces = store.read_spec(project.faces)
    targets = {
        name: store.Target(
            project.features("visual", name), extractor.spec(faces), extractor.dtypes
        )
        for name, extractor in extractors.items()
    }
    computed = store.update(
        targets, sources, Extraction(extract_visual_row, extractors), cluster=settings.cluster
    )
    for name, count in computed.items():
        log.info(f"{name}: {count} performances computed, {len(sources) - count} kept")
    remove_others(project, "visual", targets)


if __name__ == "__main__":
    run_stage(main)
