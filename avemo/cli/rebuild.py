"""`avemo rebuild`."""

import signal
from typing import Annotated

import typer

from ._app import connected_project, examples, new_app

app = new_app()


@app.command(epilog=examples("avemo rebuild models:/avemo-audio@champion"))
def rebuild(
    uri: Annotated[
        str,
        typer.Argument(
            metavar="URI", help="Such as models:/avemo-audio@champion.", show_default=False
        ),
    ],
) -> int:
    """Train a version again, and compare its predictions with the recorded ones.

    Its configuration is trained in a clean checkout of its commit, with its settings and its
    data; the search is not repeated. Nothing in this project is changed.

    The exit code is 0 if the predictions on the test part are identical, 1 if they differ or
    something is missing.
    """
    with connected_project() as project:
        from ..registry.rebuild import rebuild

        # when it is told to end, it removes its folder, as after Ctrl-C
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        comparison = rebuild(project, uri)
    typer.echo(f"rebuilt: {comparison}")
    return int(not comparison.identical)
