"""`avemo watch`."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from ._app import JsonOutput, examples, new_app

if TYPE_CHECKING:
    from ..serving.watch.rows import WatchedFile

app = new_app()


@app.command(
    epilog=examples(
        "avemo watch incoming/",
        "avemo watch incoming/ --once --output results/   # such as from cron",
        "avemo watch incoming/ --report drift.html        # what has come, against the training",
        "python -c \"import pandas; print(pandas.read_parquet('incoming-emotions/rows'))\"",
    )
)
def watch(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="That media files land in, in any nesting.",
            exists=True,
            file_okay=False,
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the rows go; by default FOLDER-emotions, beside the watched folder.",
            file_okay=False,
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="One model for all files; by default the champions, as they are when a file "
            "is complete.",
            show_default=False,
        ),
    ] = None,
    settle: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0,
            help="How long a file must stay the same until it counts as complete.",
        ),
    ] = 3.0,
    every: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0.05, help="How often the folder is looked at."),
    ] = 5.0,
    once: Annotated[
        bool, typer.Option("--once", help="End when every file that is there has its row.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Watch nothing; compare what has come with the validation data of the version "
            "that answered, and write a page (.html) or a picture (.png).",
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    as_json: JsonOutput = False,
) -> None:
    """Predict for media files as they land in a folder, each once.

    A file counts as complete when its size and its time of change have stayed the same for
    --settle seconds. Hidden files, empty ones, and names such as clip.part.mp4 or
    clip.mp4.part are left alone. The folder is looked at again and again, so that network file
    systems do too.

    Each file gets one row in the Parquet dataset OUTPUT/rows, with its loudness and the size of
    its face, and figures go to one run in MLflow's experiment avemo/watch. A file whose content
    changes gets another row. Started again, the command goes on where it was; what has a row is
    not computed again. SIGTERM and Ctrl-C end it after the file that is just computed.
    """
    target = output or folder.absolute().with_name(f"{folder.absolute().name}-emotions")
    if report:
        _report(target, report)
        return
    _watch(folder, target, model, settle, every, once=once, as_json=as_json)


def _watch(
    folder: Path,
    output: Path,
    model: str | None,
    settle_s: float,
    every_s: float,
    *,
    once: bool,
    as_json: bool,
) -> None:
    from ..serving.watch.rows import WatchedRows
    from ..serving.watch.watcher import Watcher
    from .predict import show_prediction

    def show(file: "WatchedFile") -> None:
        show_prediction(file.file, file.row.prediction, as_json=as_json)

    with WatchedRows(output) as rows, _stopped_by_signals() as stop:
        if not once:
            known = f"; {len(rows.files)} files have rows already" if rows.files else ""
            typer.echo(f"avemo: watching {folder}, the rows go to {rows.folder}{known}", err=True)
        watcher = Watcher(
            folder,
            output,
            rows,
            model=model,
            settle_s=settle_s,
            every_s=every_s,
            show=show,
        )
        watcher.run(stop, once=once)
        typer.echo(
            f"avemo: ended: {watcher.new_rows} new files, {len(rows.files)} in {rows.folder}",
            err=True,
        )


@contextmanager
def _stopped_by_signals() -> Iterator[Event]:
    """Yield an event that SIGTERM and SIGINT set; the second SIGINT ends the process at once."""
    stop = Event()

    def handle(number: int, frame: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _report(output: Path, target: Path) -> None:
    from ..serving.drift.report import write_report

    for line in write_report(output, target):
        typer.echo(line)
    typer.echo(f"avemo: {target} is written", err=True)
