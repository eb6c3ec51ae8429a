"""`avemo predict`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..terminal import SlowNotice
from ._app import JsonOutput, RequireKey, check_choices, examples, new_app

if TYPE_CHECKING:
    from ..inference.prediction import Prediction
    from ..serving.batch.clips import NamedClip
    from ._batch import Batch

app = new_app()

_TABLES = "Tables, for many clips"
_TIMELINES = "Timelines"
_PEOPLE = "Adaptation to people"
_COMPUTING = "Where it is computed"
_ENGINES = ("local", "ray")
_SYNTHETIC = "; trained on the synthetic sample, it knows no people: for a face, try --model prior"


def _check_engine(engine: str) -> str:
    check_choices([engine], _ENGINES)
    return engine


@app.command(
    epilog=examples(
        "avemo predict clip.mp4",
        "avemo predict --json *.wav | jq .emotion",
        "avemo predict --sets clip.mp4   # all emotions that it cannot exclude",
        "avemo predict --model models:/avemo-audio@candidate clip.wav",
        "avemo predict --model prior clip.mp4   # the face, untrained; needs no registry",
        "avemo predict recordings/ --csv emotions.csv --workers 4   # goes on where it was stopped",
        "avemo predict --require-key owner.pub clip.mp4   # by a version that the owner signed",
        "find . -name '*.mp4' -print0 | avemo predict --from-list - --parquet emotions.parquet",
        "avemo predict interview.mp4 --timeline out/ --format elan --format csv",
        "avemo predict --speaker Ana clip.mp4      # adapted to Ana, see avemo speaker enrol",
        "avemo predict people.csv --adapt --csv emotions.csv   # columns path and speaker",
    )
)
def predict(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            help="Clips that FFmpeg can decode, folders of them, patterns such as "
            "'**/*.mp4', @FILE for a list with a name on each line, and CSV files with the columns "
            "path and speaker.",
            show_default=False,
        ),
    ] = None,
    from_list: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Take the clips from a list, too: a name on each line, or NUL after each; "
            "- is the standard input.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="One model for all clips, such as models:/avemo-audio@candidate; or prior: the "
            "pretrained expression network alone, which nothing was trained for here.",
        ),
    ] = None,
    speaker: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Adapt the predictions to this person, who is enrolled (avemo speaker enrol).",
            rich_help_panel=_PEOPLE,
        ),
    ] = None,
    adapt: Annotated[
        bool,
        typer.Option(
            "--adapt",
            help="Adapt to each speaker by their own clips here, too; a timeline adapts to each "
            "person as it goes.",
            rich_help_panel=_PEOPLE,
        ),
    ] = False,
    sets: Annotated[
        bool,
        typer.Option(
            "--sets", help="Name the emotions that cannot be excluded, too: the conformal set."
        ),
    ] = False,
    as_json: JsonOutput = False,
    require_key: RequireKey = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a table with a row a clip.",
            dir_okay=False,
            rich_help_panel=_TABLES,
        ),
    ] = None,
    parquet: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the same as Parquet, indexed by file as audformat does.",
            dir_okay=False,
            rich_help_panel=_TABLES,
        ),
    ] = None,
    timeline: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write how the emotion of each clip changes over time.",
            file_okay=False,
            rich_help_panel=_TIMELINES,
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="csv (the default), parquet, ndjson, json, vtt, chapters, elan or textgrid; "
            "may be given several times.",
            show_default=False,
            rich_help_panel=_TIMELINES,
        ),
    ] = None,
    window: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Length of the windows that slide over a clip; by default the version's own.",
            rich_help_panel=_TIMELINES,
        ),
    ] = None,
    hop: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="From the start of a window to that of the next; by default the version's own.",
            rich_help_panel=_TIMELINES,
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Processes on this machine; each loads the model.",
            rich_help_panel=_COMPUTING,
        ),
    ] = 1,
    engine: Annotated[
        str,
        typer.Option(
            metavar="ENGINE",
            help="local, or ray for the cluster that ray.address in params.yaml names.",
            callback=_check_engine,
            rich_help_panel=_COMPUTING,
        ),
    ] = "local",
) -> int:
    """Recognise the emotion in clips.

    Each line names the likeliest emotion, the probability of every emotion and the version
    that predicted it: avemo-fused for a clip with sound and picture, avemo-audio for sound alone,
    avemo-visual for a picture alone. Where sound or picture cannot be used, avemo-fused predicts
    from the other, and the line says why; so it does where it is the only one. "Not sure" stands
    before an emotion that is less probable than the version's threshold; its model card says how
    often an answer above it is right. With --json there is one line of JSON for each clip.

    With --csv, --parquet or --timeline, every result is kept in a journal beside the file as soon
    as it is there, by the clip's content and the version. The same command goes on from there
    after it was stopped, and computes no clip twice. A clip that cannot be used is a row with a
    finding and a reason. The result is the same to the last bit with any number of workers and on
    a Ray cluster.

    With --model prior the pretrained expression network answers alone, mapped to the classes of
    this project. Nothing was trained for it here, so it needs no registry; of sound there is no
    such prior.

    With --speaker, and for clips whose speaker a CSV file names, predictions adapt to the person's
    voice. --adapt takes the clips of each speaker in this command for that, too, and stores nothing
    of it. Each answer says what it is adapted to.

    What takes longer than two seconds before the first prediction is named on the standard error.
    The exit code is 1 if a clip has no prediction.
    """
    if not (paths or from_list):
        raise typer.BadParameter("name at least one clip, folder or list", ctx=context)
    if not timeline and (formats or window is not None or hop is not None):
        raise typer.BadParameter(
            "--format, --window and --hop are of timelines: add --timeline FOLDER", ctx=context
        )
    if require_key and model == "prior":
        raise typer.BadParameter(
            "--require-key is of versions in a registry, and prior is in none", ctx=context
        )
    from ..serving.batch.clips import find_clips, name_speaker
    from ..tracking.keys import find_required_key
    from ._batch import FEW, Batch, run_batch

    clips = name_speaker(find_clips(paths or [], from_list or []), speaker)
    if adapt and not timeline and not any(clip.speaker for clip in clips):
        raise typer.BadParameter(
            "--adapt needs to know whose clips these are: add --speaker NAME, or name a CSV file "
            "with the columns path and speaker",
            ctx=context,
        )

    def show(clip: "NamedClip", prediction: "Prediction") -> None:
        show_prediction(clip.file, prediction, speaker=clip.speaker, sets=sets, as_json=as_json)

    batch = Batch(
        model=model,
        show=show,
        as_json=as_json,
        csv=csv,
        parquet=parquet,
        timelines=timeline,
        formats=formats or ["csv"],
        window_s=window,
        hop_s=hop,
        workers=workers,
        on_cluster=engine == "ray",
        require_key=find_required_key(require_key, "", None),
        speaker=speaker or "",
        adapt=adapt,
    )
    if batch.is_plain and len(clips) <= FEW and not any(clip.speaker for clip in clips):
        failed = _predict_few(clips, batch)
    else:
        failed = run_batch(batch, clips)
    if failed and len(clips) > 1:
        typer.echo(f"avemo: {len(clips) - failed} answered, {failed} could not be", err=True)
    return 1 if failed else 0


def _predict_few(clips: Sequence["NamedClip"], batch: "Batch") -> int:
    from ..registry.predictor import predict_each

    failed = 0
    with SlowNotice() as notice:
        files = [clip.file for clip in clips]
        predictions = predict_each(
            files, model=batch.model, report=notice.begin, require_key=batch.require_key
        )
        for clip, prediction in zip(clips, predictions, strict=True):
            notice.stop()
            failed += bool(prediction.finding)
            batch.show(clip, prediction)
    return failed


def show_prediction(
    file: str,
    prediction: "Prediction",
    *,
    speaker: str = "",
    sets: bool = False,
    as_json: bool = False,
) -> None:
    """Print a clip's prediction, or on the standard error its finding."""
    if as_json:
        fields = {
            "file": file,
            "speaker": speaker,
            "emotion": prediction.emotion,
            **asdict(prediction),
        }
        names = {name: _escape(str(fields[name])) for name in ("file", "reason")}
        typer.echo(json.dumps(fields | names))
    elif prediction.finding:
        typer.echo(f"{file}: {prediction.finding}: {prediction.reason}", err=True)
    else:
        evidence = prediction.evidence.describe()
        note = f"; from {evidence}" if evidence else ""
        note += f"; adapted to {prediction.adaptation}" if prediction.adaptation else ""
        note += _describe_set(prediction) if sets else ""
        note += f"; not fused: {prediction.reason}" if prediction.reason else ""
        note += _SYNTHETIC * prediction.synthetic
        answer = "not sure: " * prediction.unsure
        answer += describe_probabilities(prediction.probabilities)
        typer.echo(f"{file}: {answer} by {prediction.model}{note}")


def _escape(text: str) -> str:
    """Return a text without the halves of letters that stand for bytes that are no UTF-8."""
    return text.encode(errors="backslashreplace").decode()


def _describe_set(prediction: "Prediction") -> str:
    if not prediction.emotions:
        return "; no set: the version was registered without"
    return f"; set: {', '.join(prediction.emotions)}"


def describe_probabilities(probabilities: Mapping[str, float]) -> str:
    """Return `calm 0.80 (sad 0.15, happy 0.05)`.

    Args:
        probabilities: by emotion, likeliest first
    """
    (emotion, probability), *rest = probabilities.items()
    others = ", ".join(f"{name} {value:.2f}" for name, value in rest)
    return f"{emotion} {probability:.2f} ({others})"
