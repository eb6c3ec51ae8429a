"""fetch: the recordings, under data/raw."""

import logging
from pathlib import Path

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
        else:
            from avemo.corpus.folder import link_recordings

            source = project.root / Path(corpus.path).expanduser()
            count = link_recordings(source, folder)
            log.info(f"fetch: {count} recordings linked from {source}")


if __name__ == "__main__":
    run_stage(main)
