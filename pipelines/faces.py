"""faces: detected, aligned and cropped in every performance that has a picture."""

import logging

from avemo.commands import run_stage
from avemo.paths import Project
from avemo.settings import Settings

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings) -> None:
    # here, because each worker imports this module and needs none of these

    from avemo.corpus.selection import read_catalogue, select_picture_sources
    from avemo.faces import extract
    from avemo.faces.detectors import weights
    from avemo.features import store
    from avemo.features.spec import FeatureSpec

    sources = select_picture_sources(read_catalogue(project.catalogue))
    detector, files = weights.resolve(settings.faces.detector)
    spec = FeatureSpec(
        extractor="faces",
        version=extract.VERSION,
        settings=settings.faces.model_dump(mode="json"),
        resources={"detector": detector},
    )
    computed = store.update(
        {"faces": store.Target(project.faces, spec, extract.ARRAYS)},
        sources.assign(file=[project.raw / path for path in sources["path"]]),
        extract.Extraction(settings.faces, detector, files),
        cluster=settings.cluster,
    )["faces"]
    failed = store.require_few_findings(project.faces, settings.catalogue.max_set_aside)
    unchanged = len(sources) - computed
    log.info(
        f"faces: {computed} performances computed by {detector}, {unchanged} kept, "
        f"{failed} without a face"
    )


if __name__ == "__main__":
    run_stage(main)
