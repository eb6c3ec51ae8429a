"""fetch: the recordings, under data/raw."""

import logging

from avemo.commands import run_stage
from avemo.io import atomic_write
from avemo.paths import Project
from avemo.settings import Settings

log = logging.getLogger(__name__)


def main(project: Project, settings: Settings) -> None:
    corpus = settings.corpus
    with atomic_write(project.raw) as folder:
        if corpus.source == "sample":
            from avemo.synthetic import sample

            count = sample.write_sample(folder, corpus.sample, settings.seed)
            log.info(f"fetch: {count} synthetic recordings; they say nothing about accuracy")
        elif corpus.source == "zenodo":
            from avemo.corpus.archives import zenodo
            from avemo.corpus.folder import link_recordings

            archives = zenodo.fetch(project.root, corpus.zenodo)
            count = sum(link_recordings(archive, folder / archive.name) for archive in archives)
            log.info(f"fetch: {count} recordings linked from {len(archives)} archives")
        elif corpus.source == "manifest":
            from avemo.corpus.input_path import CORPUS_PATH, resolve_path
            from avemo.corpus.manifest import locate_manifest
            from avemo.corpus.manifest_fetch import fetch_manifest, summarise_missing

            manifest = locate_manifest(resolve_path(project, CORPUS_PATH, corpus.path))
            rows = fetch_manifest(manifest, folder)
            if missing := summarise_missing(rows):
                log.warning(f"fetch: {missing}")
            count, corpora = int(rows["finding"].eq("").sum()), rows["corpus"].unique()
            log.info(f"fetch: {count} recordings of {', '.join(sorted(corpora))} from {manifest}")
        else:
            from avemo.corpus.folder import link_recordings
            from avemo.corpus.input_path import CORPUS_PATH, resolve_path

            source = resolve_path(project, CORPUS_PATH, corpus.path)
            count = link_recordings(source, folder)
            log.info(f"fetch: {count} recordings linked from {source}")


if __name__ == "__main__":
    run_stage(main)
