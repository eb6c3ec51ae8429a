"""`avemo replay`."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..terminal import SlowNotice
from ._app import JsonOutput, RequireKey, examples, new_app

if TYPE_CHECKING:
    from ..serving.record.replay import ReplayedAnswer

app = new_app()

#: of answers without their media that are named
_LISTED = 10


@app.command(
    epilog=examples(
        "avemo replay answers/ clips/",
        "avemo replay answers/ '**/*.mp4' --json | jq -r 'select(.outcome != \"identical\")'",
    )
)
def replay(
    record: Annotated[
        Path,
        typer.Argument(
            metavar="RECORD",
            help="The folder that `avemo serve --record` named.",
            show_default=False,
        ),
    ],
    media: Annotated[
        list[str],
        typer.Argument(
            metavar="MEDIA",
            help="Clips, folders of them, patterns such as '**/*.mp4', and @FILE for a list.",
            show_default=False,
        ),
    ],
    as_json: JsonOutput = False,
    require_key: RequireKey = None,
) -> int:
    """Answer recorded clips again, and compare.

    Media are matched with the answers by their SHA-256. Each is answered by the version that was
    recorded, as long as the registry has it with the recorded checksum, and with the recorded
    settings. An answer is identical if every probability is the same to the last bit, and the
    finding is the same.

    The exit code is 1 if an answer differs, if one cannot be answered again, if a part of the
    record or a file cannot be read, or if no answer has its media here. Answers whose media are not
    here are counted, and media without an answer are named.
    """
    from ..paths import find_project
    from ..serving.batch.clips import drop_repeated, find_clips
    from ..serving.batch.task import identify
    from ..serving.record.replay import replay as replay_answers
    from ..serving.record.store import read_record
    from ..tracking import store
    from ..tracking.keys import find_required_key

    reading = read_record(record)
    for line in (*reading.warnings, *reading.damaged):
        typer.echo(f"avemo: {line}", err=True)
    items = identify(drop_repeated(find_clips(media)), show_progress=False)
    store.connect(find_project(), spool=False)
    outcomes: Counter[str] = Counter()
    with SlowNotice() as notice:
        for replayed in replay_answers(
            reading.answer_rows,
            items,
            report=notice.begin,
            require_key=find_required_key(require_key, "", None),
        ):
            notice.stop()
            outcomes[replayed.outcome] += 1
            _show(replayed, as_json=as_json)
    recorded = {answer.sha256 for answer in reading.answer_rows}
    unread = [item.clip.file for item in items if not item.sha256]
    for file in unread:
        typer.echo(f"avemo: {file} cannot be read", err=True)
    for item in items:
        if item.sha256 and item.sha256 not in recorded:
            typer.echo(f"avemo: {item.clip.file} has no recorded answer", err=True)
    available = {item.sha256 for item in items}
    absent = [answer.id for answer in reading.answer_rows if answer.sha256 not in available]
    if absent:
        more = f" and {len(absent) - _LISTED} more" if len(absent) > _LISTED else ""
        listed = f"{', '.join(absent[:_LISTED])}{more}"
        typer.echo(f"avemo: the media of these answers are not here: {listed}", err=True)
    typer.echo(
        f"avemo: {outcomes.total()} of {len(reading.answer_rows)} answers replayed: "
        f"{outcomes['identical']} identical, {outcomes['differs']} differ, "
        f"{outcomes['failed']} could not be replayed; {len(absent)} without their media here",
        err=True,
    )
    is_well = outcomes["identical"] == outcomes.total() > 0
    return 0 if is_well and not unread and not reading.damaged else 1


def _show(replayed: "ReplayedAnswer", *, as_json: bool) -> None:
    answer = replayed.answer
    file = replayed.file.encode(errors="backslashreplace").decode()
    if as_json:
        fields = {
            "answer_id": answer.id,
            "file": file,
            "sha256": answer.sha256,
            "model": answer.version_id.label,
            "outcome": replayed.outcome,
            "reason": replayed.reason,
        }
        typer.echo(json.dumps(fields))
        return
    verdict = {"identical": "identical", "differs": "differs", "failed": "not replayed"}
    reason = f": {replayed.reason}" if replayed.reason else ""
    label = answer.version_id.label
    typer.echo(f"{answer.id} {file}: {verdict[replayed.outcome]}, {label}{reason}")
