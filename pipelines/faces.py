"""faces: found, turned upright and cut, in every performance that has a picture."""

import logging

from avemo.commands import run_stage
from avemo.paths import Project
from avemo.settings import Settings

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings) -> None:
    # here, for each worker imports this module and needs none of these
    import pandas as pd

    from avemo.corpus.manifest import select_picture_sources
    from avemo.faces import detectors, extract
    from avemo.features import store

    seen = select_picture_sources(pd.read_parquet(project.catalogue))
    name, weights = detectors.resolve(settings.faces.detector)
    target = store.target(project.faces, "faces", extract, settings.faces, found_by=name)
    computed = store.update(
        {"faces": target},
        seen.assign(file=[project.raw / path for path in seen["path"]]),
        extract.Extraction(settings.faces, name, weights.read_bytes() if weights else None),
        cluster=settings.cluster,
    )["faces"]
    aside = store.check(target.folder, settings.catalogue.max_set_aside)
    kept = len(seen) - computed
    log.info(
        f"faces: {computed} performances computed by {name}, {kept} kept, {aside} without a face"
    )


if __name__ == "__main__":
    run_stage(main)
