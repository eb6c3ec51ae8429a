"""`avemo predict`."""

import json
from collections.abc import Mapping
from typing import Annotated

import typer

from ._app import Clips, JsonOutput, examples, new_app

app = new_app()


@app.command(
    epilog=examples(
        "avemo predict clip.mp4",
        "avemo predict --json *.wav | jq .emotion",
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
    as_json: JsonOutput = False,
) -> int:
    """Recognise the emotion in clips.

    Each line names the likeliest emotion, the probability of every emotion and the version
    that predicted it: avemo-fused for a clip with sound and picture, avemo-audio for sound alone,
    avemo-visual for a picture alone. Where sound or picture cannot be used, avemo-fused predicts
    from the other, and the line says why; so it does where it is the only one. With --json there
    is one line of JSON for each clip.

    The exit code is 1 if a clip has no prediction.
    """
    from ..registry.predictor import predict

    predictions = predict(files, model=model)
    for file, prediction in zip(files, predictions, strict=True):
        if as_json:
            fields = {"file": file, "emotion": prediction.emotion, **vars(prediction)}
            typer.echo(json.dumps(fields))
        elif prediction.finding:
            typer.echo(f"{file}: {prediction.finding}: {prediction.reason}", err=True)
        else:
            note = f"; not fused: {prediction.reason}" if prediction.reason else ""
            note += "; trained on the synthetic sample, it knows no people" * prediction.synthetic
            answer = describe_probabilities(prediction.probabilities)
            typer.echo(f"{file}: {answer} by {prediction.model}{note}")
    failed = sum(bool(prediction.finding) for prediction in predictions)
    if failed and len(predictions) > 1:
        answered = len(predictions) - failed
        typer.echo(f"avemo: {answered} answered, {failed} could not be", err=True)
    return 1 if failed else 0


def describe_probabilities(probabilities: Mapping[str, float]) -> str:
    """Return `calm 0.80 (sad 0.15, happy 0.05)`.

    Args:
        probabilities: by emotion, likeliest first
    """
    (emotion, probability), *rest = probabilities.items()
    others = ", ".join(f"{name} {value:.2f}" for name, value in rest)
    return f"{emotion} {probability:.2f} ({others})"
