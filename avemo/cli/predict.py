"""`avemo predict`."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from ..terminal import SlowNotice
from ._app import Clips, JsonOutput, examples, new_app

if TYPE_CHECKING:
    from ..inference.prediction import Prediction

app = new_app()


@app.command(
    epilog=examples(
        "avemo predict clip.mp4",
        "avemo predict --json *.wav | jq .emotion",
        "avemo predict --sets clip.mp4   # all emotions that it cannot exclude",
        "avemo predict --model models:/avemo-audio@candidate clip.wav",
    )
)
def predict(
    files: Clips,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="URI", help="One model for all clips, such as models:/avemo-audio@candidate."
        ),
    ] = None,
    sets: Annotated[
        bool,
        typer.Option(
            "--sets", help="Name the emotions that cannot be excluded, too: the conformal set."
        ),
    ] = False,
    as_json: JsonOutput = False,
) -> int:
    """Recognise the emotion in clips.

    Each line names the likeliest emotion, the probability of every emotion and the version
    that predicted it: avemo-fused for a clip with sound and picture, avemo-audio for sound alone,
    avemo-visual for a picture alone. Where sound or picture cannot be used, avemo-fused predicts
    from the other, and the line says why; so it does where it is the only one. "Not sure" stands
    before an emotion that is less probable than the version's threshold; its model card says how
    often an answer above it is right. With --json there is one line of JSON for each clip.

    What takes longer than two seconds before the first prediction is named on the standard error.
    The exit code is 1 if a clip has no prediction.
    """
    from ..registry.predictor import predict_each

    failed = 0
    with SlowNotice() as notice:
        predictions = predict_each(files, model=model, report=notice.begin)
        for file, prediction in zip(files, predictions, strict=True):
            notice.stop()
            failed += bool(prediction.finding)
            _show(file, prediction, sets=sets, as_json=as_json)
    if failed and len(files) > 1:
        typer.echo(f"avemo: {len(files) - failed} answered, {failed} could not be", err=True)
    return 1 if failed else 0


def _show(file: str, prediction: "Prediction", *, sets: bool, as_json: bool) -> None:
    if as_json:
        fields = {"file": file, "emotion": prediction.emotion, **vars(prediction)}
        typer.echo(json.dumps(fields))
    elif prediction.finding:
        typer.echo(f"{file}: {prediction.finding}: {prediction.reason}", err=True)
    else:
        note = _describe_set(prediction) if sets else ""
        note += f"; not fused: {prediction.reason}" if prediction.reason else ""
        note += "; trained on the synthetic sample, it knows no people" * prediction.synthetic
        answer = "not sure: " * prediction.unsure
        answer += describe_probabilities(prediction.probabilities)
        typer.echo(f"{file}: {answer} by {prediction.model}{note}")


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
