"""`avemo corpus`."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import CorpusError, join_names
from ..terminal import new_table, show
from ._app import check_choices, complete_from, examples, new_app

app = new_app()


@app.callback()
def corpus() -> None:
    """Get the published recordings of RAVDESS, or use those of other corpora.

    `corpus.zenodo` in params.yaml chooses RAVDESS's archives. Their licence is CC BY-NC-SA 4.0.
    """


def _adapter_names() -> list[str]:
    from ..corpus.adapters.registry import ADAPTERS

    return list(ADAPTERS)


@app.command(
    epilog=examples(
        "avemo corpus fetch --list     # what would be fetched, and its size", "avemo corpus fetch"
    )
)
def fetch(
    only_list: Annotated[
        bool, typer.Option("--list", help="List the archives, their sizes and their states.")
    ] = False,
) -> None:
    """Fetch and unpack the archives that are missing.

    After an interruption, the same command continues.
    """
    from ..config import load_settings
    from ..corpus.archives import zenodo
    from ..paths import find_project

    root = find_project().root
    settings = load_settings(root).corpus
    if only_list:
        archives = zenodo.list_archives(root, settings.zenodo)
        table = new_table("archive", "size", "state", rows=archives.rows)
        show(archives.title, table, archives.summary)
        return
    zenodo.fetch(root, settings.zenodo)
    setting = (
        "" if settings.source == "zenodo" else "set corpus.source: zenodo in params.yaml, then "
    )
    typer.echo(f"next: {setting}dvc repro")


@app.command(
    epilog=examples(
        "avemo corpus manifest corpora/emodb",
        "avemo corpus manifest corpora/emodb corpora/crema_d --output corpora/manifest.csv",
        "avemo corpus manifest films --corpus mead",
    )
)
def manifest(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER", help="Folders of one corpus each.")
    ],
    corpus: Annotated[
        str | None,
        typer.Option(
            help="ravdess, crema_d, emodb, tess, savee, mead, iemocap or meld; by default, the one "
            "whose names most files have.",
            autocompletion=complete_from(_adapter_names),
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The file; by default FOLDER/manifest.csv.")
    ] = None,
) -> None:
    """Write a manifest: who speaks in each recording of a corpus, and with what emotion.

    Files are named as the corpus names them. The manifest is a CSV file, which you may edit.
    """
    from ..config import load_settings
    from ..corpus.identity import list_label_lines
    from ..corpus.manifest_write import list_folder, write_manifest
    from ..paths import find_project

    check_choices([corpus] if corpus else [], _adapter_names())
    if output is None and len(folders) > 1:
        raise CorpusError("a manifest of several folders needs --output FILE")
    target = output or folders[0] / "manifest.csv"
    if target.suffix.lower() != ".csv":
        raise CorpusError(
            f"{target}: the manifest is written as CSV: name a file that ends in .csv"
        )
    listed = [list_folder(folder, corpus) for folder in folders]
    rows = write_manifest(target, listed)
    for entry in listed:
        adapter = entry.adapter
        how = "as you said" if corpus else "by its file names"
        typer.echo(f"{entry.folder}: {adapter.title}, {how}; {adapter.licence}; {adapter.citation}")
        for reason, paths in entry.listing.passed_over.items():
            typer.echo(f"  {len(paths):,} files passed over, {reason}: {join_names(paths)}")
    counts = rows.groupby(["corpus", "emotion"]).agg(
        recordings=("path", "size"), speakers=("speaker", "nunique")
    )
    cells = ([*map(str, key), f"{n:,}", f"{s:,}"] for key, n, s in counts.itertuples(name=None))
    show(new_table("corpus", "emotion", "recordings", "speakers", rows=cells))
    typer.echo(f"{len(rows):,} recordings in {target}")
    labels = load_settings(find_project().root).labels
    if lines := list_label_lines(counts.index.to_list(), labels):
        typer.echo("in params.yaml, say under labels.corpora what these emotions count as (null")
        typer.echo("leaves them out): " + "; ".join(lines))
    typer.echo(f"next: set corpus.source: manifest and corpus.path: {target}, then dvc repro")
