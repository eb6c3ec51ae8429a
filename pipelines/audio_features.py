"""audio-features: every audio extractor over every performance that has sound."""

import logging

from avemo.commands import run_stage
from avemo.paths import Project
from avemo.settings import Settings

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings) -> None:
    # here, because each worker imports this module and needs none of these
    import pandas as pd

    from avemo.corpus.selection import read_catalogue, select_sound_sources
    from avemo.corpus.soundtrack import locate_sound
    from avemo.features import store
    from avemo.features.extraction import Extraction
    from avemo.features.extractor import audio_extractors
    from avemo.features.run import extract_audio
    from pipelines.extractors import load_extractors, remove_others

    extractors = audio_extractors(load_extractors(settings, "audio"))
    sources = select_sound_sources(read_catalogue(project.catalogue))
    files = [locate_sound(row, project.raw, project.soundtrack) for _, row in sources.iterrows()]
    targets = {
        name: store.Target(project.features("audio", name), extractor.spec(), extractor.dtypes)
        for name, extractor in extractors.items()
    }
    computed = store.update(
        targets,
        sources.assign(file=pd.Series(files, sources.index)),
        Extraction(extract_audio, extractors),
        cluster=settings.cluster,
    )
    for name, target in targets.items():
        failed = store.require_few_findings(target.folder, settings.catalogue.max_set_aside)
        unchanged = len(sources) - computed[name]
        log.info(
            f"{name}: {computed[name]} performances computed, {unchanged} kept, {failed} without"
        )
    remove_others(project, "audio", targets)


if __name__ == "__main__":
    run_stage(main)
