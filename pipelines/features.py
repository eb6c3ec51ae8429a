"""features: every audio extractor over every performance that has sound."""

import shutil
from pathlib import Path
from typing import Any

from avemo.project import Project, stage
from avemo.settings import Settings

AGAIN = "Then type `dvc repro --force --single-item features`: DVC does not watch weights"


def main(project: Project, settings: Settings) -> None:
    # here, for each worker imports this module and needs none of these
    import pandas as pd

    from avemo.corpus.catalogue import sounds
    from avemo.corpus.soundtrack import file_of
    from avemo.features import audio, store
    from avemo.features.extractors import module

    extractors, weights = _available(settings)
    heard = sounds(pd.read_parquet(project.catalogue))
    files = [file_of(row, project.raw, project.soundtrack) for _, row in heard.iterrows()]
    targets = {
        name: store.target(project.features("audio", name), module(name), chosen)
        for name, chosen in extractors.items()
    }
    computed = store.update(
        targets,
        heard.assign(file=pd.Series(files, heard.index)),
        audio.Extraction(extractors, weights),
        cluster=settings.cluster,
    )
    for name, target in targets.items():
        aside = store.check(target.folder, settings.catalogue.max_set_aside)
        kept = len(heard) - computed[name]
        print(f"{name}: {computed[name]} performances computed, {kept} kept, {aside} without")
    everything = project.features("audio", "")
    everything.mkdir(parents=True, exist_ok=True)
    for folder in everything.iterdir():
        if folder.name not in targets:  # an extractor that is no longer wanted, or left out
            shutil.rmtree(folder)


def _available(settings: Settings) -> tuple[dict[str, Any], dict[str, Path]]:
    """The extractors whose weights can be had, and these; for each of the others a line."""
    from avemo import assets
    from avemo.errors import AssetError
    from avemo.features.extractors import weights_of

    extractors: dict[str, Any] = {}
    weights: dict[str, Path] = {}
    for name, chosen in settings.extractors.items():
        try:
            weights |= {each: assets.get(each) for each in weights_of(name)}
        except AssetError as error:
            print(f"{name}: left out: {error}. {AGAIN}")
        else:
            extractors[name] = chosen
    return extractors, weights


if __name__ == "__main__":
    stage(main)
