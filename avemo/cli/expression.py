"""`avemo expression`."""

import typer

from ._app import Clips, examples, new_app
from .predict import describe_probabilities

app = new_app()


@app.command(epilog=examples("avemo expression clip.mp4"))
def expression(files: Clips) -> int:
    """Show what the pretrained expression network alone predicts for clips.

    That is the mean of its seven probabilities over a clip's faces, before anything is trained
    on top of it.

    The exit code is 1 if a clip has no face.
    """
    from ..baselines.pretrained_expression import recognise_expressions
    from ..config import load_settings
    from ..paths import find_project

    failed = False
    for answer in recognise_expressions(files, load_settings(find_project().root)):
        if answer.finding:
            failed = True
            typer.echo(f"{answer.file}: {answer.finding}: {answer.reason}", err=True)
        else:
            probabilities = describe_probabilities(answer.probabilities)
            typer.echo(f"{answer.file}: {probabilities}; faces: {answer.faces}")
    return 1 if failed else 0
