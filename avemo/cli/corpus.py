"""`avemo corpus`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from ..errors import CorpusError, join_names
from ..terminal import new_table, show
from ._app import adapter_names, check_choices, complete_from, examples, new_app

if TYPE_CHECKING:
    from ..corpus.archives.zenodo import ArchiveList
    from ..settings import Settings

app = new_app()


def _sources() -> tuple[str, ...]:
    from ..settings import Corpus

    return get_args(Corpus.model_fields["source"].annotation)


@app.callback()
def corpus() -> None:
    """Choose what to train on: RAVDESS's published recordings, or those of other corpora.

    `corpus.zenodo` in params.yaml chooses RAVDESS's archives. Their licence is CC BY-NC-SA 4.0.
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
            autocompletion=complete_from(adapter_names),
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

    check_choices([corpus] if corpus else [], adapter_names())
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


def _show_plan(root: Path, settings: "Settings") -> "ArchiveList":
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
