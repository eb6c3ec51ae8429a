"""`avemo speaker`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ..terminal import SlowNotice
from ._app import Clips, JsonOutput, examples, new_app

if TYPE_CHECKING:
    from ..serving.batch.enrol import EnrolledClip
    from ..serving.speakers.store import Enrolment, SpeakerStore

app = new_app()

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Of the person, in any script, up to 100 characters.",
        show_default=False,
    ),
]


@app.callback()
def speaker() -> None:
    """Enrol people, so that predictions adapt to how they speak.

    Kept are sums of a few numbers for each person, in .avemo/speakers, and no voice or picture.
    """


@app.command(
    epilog=examples(
        "avemo speaker enrol Ana --neutral reading.wav",
        "avemo speaker enrol Ana meeting/*.wav       # what is felt in them is not known",
        "avemo speaker enrol Ana --neutral --again reading.wav",
        "avemo predict --speaker Ana clip.mp4",
    )
)
def enrol(
    name: Name,
    files: Clips,
    neutral: Annotated[
        bool, typer.Option("--neutral", help="The person speaks neutrally in these clips.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Forget first what these versions know of the person."),
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="Enrol for this model, such as models:/avemo-audio@candidate; by default for the "
            "champion of each clip's streams.",
        ),
    ] = None,
) -> int:
    """Add clips to what is known of a person.

    A clip counts once, whatever it is called. Each line says what was heard in a clip, and what is
    predicted for it: a baseline that is not neutral, or is music, shows there. Silence, and a voice
    that is far from what is known of the person (another person's, another room), are not added:
    such a clip costs its own line, and the exit code is then 1.
    """
    from ..serving.batch.enrol import enrol_clips

    store = _open_store()
    failed = 0
    with SlowNotice() as notice:
        clips = enrol_clips(
            store, name, files, neutral=neutral, again=again, model=model, report=notice.begin
        )
        for clip in clips:
            notice.stop()
            failed += bool(clip.finding)
            _show_clip(clip)
    for own in store.find(name):
        typer.echo(_describe(own))
    return 1 if failed else 0


@app.command("list", epilog=examples("avemo speaker list --json | jq -r .name"))
def list_speakers(as_json: JsonOutput = False) -> int:
    """List who is enrolled, with which version."""
    damaged: list[str] = []
    enrolments = _open_store().enrolments(damaged.append)
    for own in enrolments:
        typer.echo(json.dumps(_fields(own)) if as_json else _describe(own))
    for reason in damaged:
        typer.echo(f"avemo: {reason}", err=True)
    if not enrolments and not damaged:
        typer.echo("avemo: nobody is enrolled: avemo speaker enrol NAME FILES", err=True)
    return 1 if damaged else 0


@app.command(epilog=examples("avemo speaker show Ana"))
def show(name: Name, as_json: JsonOutput = False) -> None:
    """Show all that is kept of a person."""
    store = _open_store()
    store.speaker(name)  # refuses whom nobody has enrolled
    for own in store.find(name):
        if as_json:
            typer.echo(json.dumps(_fields(own) | {"statistics": own.statistics}))
            continue
        typer.echo(_describe(own))
        for clip in own.clips:
            kind = "neutral" if clip.neutral else "unlabelled"
            typer.echo(f"  {kind} clip with the SHA-256 {clip.sha256}")
        for key, value in own.statistics.items():
            typer.echo(f"  {key}: {json.dumps(value)}")


@app.command(epilog=examples("avemo speaker delete Ana"))
def delete(name: Name) -> None:
    """Delete all that is kept of a person."""
    from ..errors import AvemoError

    count = _open_store().delete(name)
    if not count:
        raise AvemoError(f"{name} is not enrolled: `avemo speaker list` says who is")
    typer.echo(f"{name} is deleted: {count} file{'s' * (count > 1)}")


def _open_store() -> "SpeakerStore":
    from ..paths import find_project
    from ..serving.speakers.store import SpeakerStore

    return SpeakerStore(find_project().speakers)


def _show_clip(clip: "EnrolledClip") -> None:
    from .predict import describe_probabilities

    if clip.finding:
        typer.echo(f"{clip.file}: {clip.finding}: {clip.reason}", err=True)
        return
    prediction = clip.prediction
    parts = ["added" if clip.added else "counts already", prediction.evidence.describe()]
    parts.append(prediction.reason)
    if prediction.probabilities:
        answer = describe_probabilities(prediction.probabilities)
        to = f"adapted to {prediction.adaptation}" if prediction.adaptation else "unadapted"
        parts.append(f"{to}, it sounds {'not sure: ' * prediction.unsure}{answer}")
    typer.echo(f"{clip.file}: {'; '.join(filter(None, parts))}")


def _describe(own: "Enrolment") -> str:
    """Return `Ana: 3 clips, 1 of them neutral, with avemo-fused version 3, 2026-11-30`."""
    sums = own.sums
    clips = f"{sums.clips} clip{'s' * (sums.clips != 1)}"
    return (
        f"{own.name}: {clips}, {sums.neutral_clips} of them neutral, with {own.model}, "
        f"{own.changed:%Y-%m-%d}"
    )


def _fields(own: "Enrolment") -> dict[str, object]:
    sums = own.sums
    return {
        "name": own.name,
        "clips": sums.clips,
        "neutral_clips": sums.neutral_clips,
        "model": own.model,
        "space": sums.space,
        "changed": own.changed.isoformat(timespec="seconds"),
    }
