"""`avemo corpus`."""

from typing import TYPE_CHECKING, Annotated, get_args

import typer

from ..terminal import new_table, show
from ._app import complete_from, examples, new_app

if TYPE_CHECKING:
    from pathlib import Path

    from ..corpus.archives.zenodo import ArchiveList
    from ..settings import Settings

app = new_app()


def _sources() -> tuple[str, ...]:
    from ..settings import Corpus

    return get_args(Corpus.model_fields["source"].annotation)


@app.callback()
def corpus() -> None:
    """Choose what to train on, and get the published recordings of RAVDESS.

    `corpus.zenodo` in params.yaml chooses the archives. Their licence is CC BY-NC-SA 4.0.
    """


@app.command(
    epilog=examples(
        "avemo corpus use zenodo            # the published recordings that params.yaml selects",
        "avemo corpus use zenodo --video    # their films, too",
        "avemo corpus use sample            # back to the synthetic sample",
    )
)
def use(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="As in params.yaml: sample, path, zenodo.",
            autocompletion=complete_from(_sources),
            show_default=False,
        ),
    ],
    video: Annotated[
        bool, typer.Option("--video", help="Select the films, too; with zenodo alone.")
    ] = False,
) -> None:
    """Set `corpus.source` in params.yaml; the rest of the file stays as it is.

    With zenodo, first show what `dvc repro` will fetch, how large it is, its licence, the free
    space, and how long each stage takes. If it cannot be fetched, nothing is changed.
    """
    from ..config import load_settings, parse_settings
    from ..corpus.archives.unpack import require_free_space
    from ..params_file import replace_values, write_text
    from ..paths import SETTINGS_FILE, find_project

    if video and source != "zenodo":
        raise typer.BadParameter("--video selects published films: use it with zenodo")
    root = find_project().root
    former = load_settings(root).corpus
    changes: dict[str, str | list[str]] = {}
    if source != former.source:
        changes["corpus.source"] = source
    if video and "video" not in former.zenodo.modalities:
        changes["corpus.zenodo.modalities"] = [*former.zenodo.modalities, "video"]
    file = root / SETTINGS_FILE
    text = replace_values(file.read_bytes().decode(), changes)
    settings = parse_settings(text.encode())
    if source == "zenodo":
        archives = _show_plan(root, settings)
        require_free_space(archives.required_bytes, root)
    if changes:
        write_text(file, text)
    for key, value in changes.items():
        words = value if isinstance(value, str) else f"[{', '.join(value)}]"
        typer.echo(f"{SETTINGS_FILE}: {key} is now {words}")
    if "corpus.source" in changes:
        typer.echo(f"to go back: avemo corpus use {former.source}, then dvc repro")
    else:
        typer.echo(f"{SETTINGS_FILE}: corpus.source is {source}, as before")


@app.command(
    epilog=examples(
        "avemo corpus fetch --list     # what would be fetched, and its size", "avemo corpus fetch"
    )
)
def fetch(
    only_list: Annotated[
        bool,
        typer.Option("--list", help="List the archives, sizes and states, and what comes after."),
    ] = False,
) -> None:
    """Fetch and unpack the archives that are missing.

    After an interruption, the same command continues.
    """
    from ..config import load_settings
    from ..corpus.archives import zenodo
    from ..paths import find_project

    root = find_project().root
    settings = load_settings(root)
    if only_list:
        _show_plan(root, settings)
        return
    zenodo.fetch(root, settings.corpus.zenodo)
    use_first = "" if settings.corpus.source == "zenodo" else "avemo corpus use zenodo, then "
    typer.echo(f"next: {use_first}dvc repro")


def _show_plan(root: "Path", settings: "Settings") -> "ArchiveList":
    """Show the selected archives, and how long training on them takes."""
    from ..corpus.archives import zenodo
    from ..corpus.published import estimate_durations

    archives = zenodo.list_archives(root, settings.corpus.zenodo)
    table = new_table("archive", "size", "state", rows=archives.rows)
    durations = estimate_durations(settings)
    minutes = [(part.stages, _format_minutes(part.seconds)) for part in durations]
    minutes.append(("all of it", _format_minutes(sum(part.seconds for part in durations))))
    stages = new_table("stages, after the download", "about, on two cores", rows=minutes)
    show(archives.title, table, archives.summary, "", stages, "")
    return archives


def _format_minutes(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 100 else f"{minutes / 60:.0f} h"
