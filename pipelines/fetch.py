"""fetch: the recordings, under data/raw."""

from pathlib import Path

from avemo.io import atomic_write
from avemo.paths import Project, stage
from avemo.settings import Settings


def main(project: Project, settings: Settings) -> None:
    corpus = settings.corpus
    with atomic_write(project.raw) as folder:
        if corpus.source == "sample":
            from avemo.synthetic import sample

            count = sample.make(folder, corpus.sample, settings.seed)
            print(f"fetch: {count} synthetic recordings made; they say nothing about accuracy")
        elif corpus.source == "zenodo":
            from avemo.corpus.archives import zenodo
            from avemo.corpus.folder import link

            archives = zenodo.fetch(project.root, corpus.zenodo)
            count = sum(link(archive, folder / archive.name) for archive in archives)
            print(f"fetch: {count} recordings linked from {len(archives)} archives")
        else:
            from avemo.corpus.folder import link

            source = project.root / Path(corpus.path).expanduser()
            count = link(source, folder)
            print(f"fetch: {count} recordings linked from {source}")


if __name__ == "__main__":
    stage(main)
