"""`avemo corpus`."""

from typing import Annotated

import typer

from ..terminal import new_table, show
from ._app import examples, new_app

app = new_app()


@app.callback()
def corpus() -> None:
    """Get the published recordings of RAVDESS.

    `corpus.zenodo` in params.yaml chooses the archives. Their licence is CC BY-NC-SA 4.0.
    """


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
