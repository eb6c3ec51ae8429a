"""features: every audio extractor over every performance that has sound."""

import logging

from avemo.commands import run_stage
from avemo.paths import Project
from avemo.settings import Settings

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings) -> None:
    # here, for each worker imports this module and needs none of these
    import pandas as pd

    from avemo.corpus.manifest import select_sound_sources
    from avemo.corpus.soundtrack import locate_sound
    from avemo.features import run_audio, store
    from avemo.features.registry import module
    from pipelines import extractors as wanted

    extractors, weights = wanted.available(settings, "audio", "audio-features")
    heard = select_sound_sources(pd.read_parquet(project.catalogue))
    files = [locate_sound(row, project.raw, project.soundtrack) for _, row in heard.iterrows()]
    targets = {
        name: store.target(project.features("audio", name), name, module(name), chosen)
        for name, chosen in extractors.items()
    }
    computed = store.update(
        targets,
        heard.assign(file=pd.Series(files, heard.index)),
        run_audio.Extraction(extractors, weights),
        cluster=settings.cluster,
    )
    for name, target in targets.items():
        aside = store.check(target.folder, settings.catalogue.max_set_aside)
        kept = len(heard) - computed[name]
        log.info(f"{name}: {computed[name]} performances computed, {kept} kept, {aside} without")
    wanted.drop_others(project, "audio", targets)


if __name__ == "__main__":
    run_stage(main)
