"""visual-features: every visual extractor over the faces of every performance that has some.

What another program computed is imported beside them, of performances without a film, too.
"""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from avemo.commands import run_stage
from avemo.paths import Project
from avemo.settings import Settings

if TYPE_CHECKING:
    from avemo.features.extractor import ImportedExtractor
    from avemo.schema import Strict

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings) -> None:
    # here, because each worker imports this module and needs none of these
    from avemo.features import store
    from avemo.features.extraction import Extraction, extract_visual_row
    from avemo.features.extractor import imported_extractors, visual_extractors
    from pipelines.extractors import load_extractors, remove_others

    sources = store.list_sources(project.faces)
    loaded = load_extractors(settings, "visual", with_weights=len(sources) > 0)
    extractors = visual_extractors(loaded)
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
    imported = _import_features(project, settings, imported_extractors(loaded))
    remove_others(project, "visual", {*targets, *imported})


def _import_features(
    project: Project, settings: Settings, extractors: "Mapping[str, ImportedExtractor[Strict]]"
) -> set[str]:
    """Import what other programs computed, and return the extractors that there is something of."""

    from avemo.corpus.input_path import resolve_path
    from avemo.corpus.selection import read_catalogue, select_usable
    from avemo.features import store
    from avemo.features.extraction import Extraction, read_imported

    imported: set[str] = set()
    if not extractors:
        return imported
    recordings = select_usable(read_catalogue(project.catalogue))
    for name, extractor in extractors.items():
        path = resolve_path(project, f"imported.{name}", getattr(settings.imported, name))
        listing = extractor.list_sources(path, recordings)
        if listing is None:
            continue
        imported.add(name)
        target = store.Target(project.features("visual", name), extractor.spec(), extractor.dtypes)
        computed = store.update(
            {name: target}, listing.sources, Extraction(read_imported, {name: extractor})
        )[name]
        failed = store.require_few_findings(target.folder, settings.catalogue.max_set_aside)
        lacking = recordings["performance"].nunique() - len(listing.sources)
        log.info(
            f"{name}: {computed} performances imported from {extractor.program}, "
            f"{len(listing.sources) - computed} kept, {failed} of them unusable; {lacking} without"
        )
        frames = store.load_arrays(target.folder, f"{name}_frames")
        for note in [*listing.notes, *extractor.describe(frames)]:
            log.info(f"{name}: {note}")
    return imported


if __name__ == "__main__":
    run_stage(main)
