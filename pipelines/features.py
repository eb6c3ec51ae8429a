"""features: every audio extractor over every performance that has sound."""

import shutil
from importlib import import_module

from avemo.project import Project, stage
from avemo.settings import Settings


def main(project: Project, settings: Settings) -> None:
    # here, for each worker imports this module and needs none of these
    import pandas as pd

    from avemo.corpus.catalogue import sounds
    from avemo.corpus.soundtrack import file_of
    from avemo.features import audio, store

    heard = sounds(pd.read_parquet(project.catalogue))
    files = [file_of(row, project.raw, project.soundtrack) for _, row in heard.iterrows()]
    targets = {
        name: store.target(
            project.features("audio", name), import_module(f"avemo.features.{name}"), chosen
        )
        for name, chosen in settings.extractors.items()
    }
    computed = store.update(
        targets,
        heard.assign(file=pd.Series(files, heard.index)),
        audio.Extraction(settings.extractors),
        cluster=settings.cluster,
    )
    for name, target in targets.items():
        aside = store.check(target.folder, settings.catalogue.max_set_aside)
        kept = len(heard) - computed[name]
        print(f"{name}: {computed[name]} performances computed, {kept} kept, {aside} without")
    for folder in project.features("audio", "").iterdir():
        if folder.name not in targets:  # an extractor that is no longer wanted
            shutil.rmtree(folder)


if __name__ == "__main__":
    stage(main)
