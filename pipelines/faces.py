"""faces: found, turned upright and cut, in every performance that has a picture."""

from functools import partial

import pandas as pd

from avemo.corpus.catalogue import pictures
from avemo.features import detectors, faces, store
from avemo.project import Project, stage
from avemo.settings import Settings


def main(project: Project, settings: Settings) -> None:
    seen = pictures(pd.read_parquet(project.catalogue))
    seen = seen.assign(file=[project.raw / path for path in seen["path"]])
    name, weights = detectors.resolve(settings.faces.detector)
    extract = partial(
        faces.extract, settings=settings.faces, detector=detectors.load(name, weights)
    )
    folder = project.features("visual", "faces")
    computed, kept = store.update(
        folder,
        seen,
        extract,
        store.describe(faces, settings.faces, found_by=name),
        workers=1,  # the detector's own threads use the cores
    )
    aside = store.check(folder, settings.catalogue.max_set_aside)
    print(f"faces: {computed} performances computed by {name}, {kept} kept, {aside} without a face")


if __name__ == "__main__":
    stage(main)
