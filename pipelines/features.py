"""features: one audio extractor over every performance that has sound."""

from functools import partial
from importlib import import_module
from pathlib import Path

import pandas as pd

from avemo.corpus.catalogue import sounds
from avemo.corpus.soundtrack import file_of
from avemo.features import store
from avemo.media.sound import read_sound
from avemo.project import Project, stage
from avemo.settings import Settings, Strict


def main(project: Project, settings: Settings, extractor: str) -> None:
    module = import_module(f"avemo.features.{extractor}")
    chosen = settings.extractors[extractor]
    heard = sounds(pd.read_parquet(project.catalogue))
    files = [file_of(row, project.raw, project.soundtrack) for _, row in heard.iterrows()]
    folder = project.features("audio", extractor)
    computed, kept = store.update(
        folder,
        heard.assign(file=pd.Series(files, heard.index)),
        partial(_features, extractor=extractor, settings=chosen),
        store.describe(module, chosen),
    )
    aside = store.check(folder, settings.catalogue.max_set_aside)
    print(f"{extractor}: {computed} performances computed, {kept} kept, {aside} without")


def _features(file: Path, *, extractor: str, settings: Strict) -> store.Arrays:
    module = import_module(f"avemo.features.{extractor}")
    sound = read_sound(file, settings.sample_rate)  # type: ignore[attr-defined]
    found: store.Arrays = module.extract(sound, settings)
    return found


if __name__ == "__main__":
    stage(main, "extractor")
