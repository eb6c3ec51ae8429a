"""`avemo record`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._app import JsonOutput, examples, new_app

if TYPE_CHECKING:
    from ..serving.record.corrections import VersionCorrections
    from ..serving.record.store import Reading

app = new_app()

Folder = Annotated[
    Path,
    typer.Argument(
        metavar="RECORD", help="The folder that `avemo serve --record` named.", show_default=False
    ),
]


@app.callback()
def record() -> None:
    """Read what `avemo serve --record` has recorded, and remove what is old.

    `avemo replay` answers recorded clips again.
    """


@app.command(epilog=examples("avemo record drift answers/ --report drift.html"))
def drift(
    folder: Folder,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a page (.html) or a picture (.png), too.",
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
) -> int:
    """Compare the answers for clips with the validation data of the version that answered last.

    It is the report of `avemo watch --report`, without loudness and faces, which the service does
    not measure. Timelines are left out.
    """
    from ..serving.record.drift import report_answers

    reading = _read(folder)
    for line in report_answers(reading.answer_rows, folder, report):
        typer.echo(line)
    if report:
        typer.echo(f"avemo: {report} is written", err=True)
    return 1 if reading.damaged else 0


@app.command(
    epilog=examples(
        "avemo record corrections answers/",
        "avemo record corrections answers/ --list corrected.csv --media clips/",
        "avemo record corrections answers/ --list corrected.csv --media clips.csv  # speakers",
    )
)
def corrections(
    folder: Folder,
    target: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="Write a CSV file of the clips that may be used for training: sha256, emotion.",
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    media: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="With --list: clips, folders, or a CSV file with the columns path and speaker; "
            "the list is then a manifest of those that are there, by their SHA-256.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOutput = False,
) -> int:
    """Compare answers with what people say they should be.

    A clip counts once for each version, by its last correction. Who corrects is no sample of all
    answers: the shares say which emotions are confused, and not how often the version is right.
    """
    if media and not target:
        raise typer.BadParameter("--media is of a list: add --list FILE")
    from ..serving.record.corrections import compare_corrections, list_corrected

    reading = _read(folder)
    clips = list_corrected(reading.answer_rows, reading.corrections)
    for compared in compare_corrections(clips):
        _show(compared, as_json=as_json)
    if not clips:
        typer.echo("avemo: nobody has corrected an answer", err=True)
    if target:
        from ..serving.batch.clips import drop_repeated, find_clips
        from ..serving.batch.task import identify
        from ..serving.record.corrections import write_list

        items = identify(drop_repeated(find_clips(media)), show_progress=False) if media else None
        rows, without_speaker = write_list(clips, target, items)
        typer.echo(f"avemo: {rows} clips that may be used for training: {target}", err=True)
        if without_speaker:
            typer.echo(
                f"avemo: {without_speaker} of them have no speaker, whom a manifest must name: "
                "fill the column in, or give --media a CSV file with the columns path and speaker",
                err=True,
            )
    return 1 if reading.damaged else 0


@app.command(epilog=examples("avemo record purge answers/ --days 7"))
def purge(
    folder: Folder,
    days: Annotated[
        float,
        typer.Option(
            metavar="N", min=0, max=36_500, help="What is older is removed; 0 removes all."
        ),
    ],
) -> None:
    """Remove answers that are older than so many days, with their corrections.

    A service removes what is older than serving.record_days by itself, at its start and each hour.
    While it runs, no other process may write to its record: stop it first.
    """
    from datetime import timedelta

    from ..serving.record.store import RecordStore, read_record

    read_record(folder)  # refuses what is no record, and makes none
    with RecordStore(folder) as store:
        removed = store.expire(timedelta(days=days))
    typer.echo(f"{removed} rows are removed from {folder}")


def _read(folder: Path) -> "Reading":
    from ..serving.record.store import read_record

    reading = read_record(folder)
    for line in (*reading.warnings, *reading.damaged):
        typer.echo(f"avemo: {line}", err=True)
    return reading


def _show(compared: "VersionCorrections", *, as_json: bool) -> None:
    if as_json:
        shares = {
            emotion: share and {"value": share.value, "low": share.low, "high": share.high}
            for emotion in compared.classes
            for share in [compared.share_right(emotion)]
        }
        fields = {
            "model": compared.label,
            "classes": list(compared.classes),
            "counts": compared.counts.tolist(),
            "share_right": shares,
            "unanswered": compared.unanswered,
        }
        typer.echo(json.dumps(fields))
        return
    from ..serving.record.corrections import NEEDED
    from ..terminal import new_table, show

    rows = []
    for emotion, row in zip(compared.classes, compared.counts.tolist(), strict=True):
        share = compared.share_right(emotion)
        text = f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}]" if share else ""
        if not share:
            text = f"an interval needs {NEEDED} clips, {NEEDED - sum(row)} more"
        rows.append((emotion, *map(str, row), text))
    show(f"{compared.label}: {compared.counts.sum()} clips with an answer were corrected")
    show(new_table("answered", *compared.classes, "as answered", rows=rows))
    if compared.unanswered:
        typer.echo(f"{compared.unanswered} corrected clips had no emotion as their answer")
