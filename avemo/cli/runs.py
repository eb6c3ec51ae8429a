"""`avemo runs`."""

from typing import Annotated

import typer

from ._app import connected_project, examples, new_app

app = new_app()


@app.callback()
def runs() -> None:
    """Deliver runs that wait for the tracking server, and bring back deleted ones.

    Where the tracking server does not answer, runs are stored in mlruns/spool.
    """


@app.command(epilog=examples("avemo runs sync"))
def sync() -> None:
    """Deliver the runs that wait, each once."""
    with connected_project() as project:
        from ..tracking import spool

        typer.echo("\n".join(spool.sync(project)))


@app.command(
    epilog=examples(
        "avemo runs restore 0123456789abcdef0123456789abcdef", "avemo runs restore avemo/audio"
    )
)
def restore(
    deleted: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A run's id, or an experiment's name.", show_default=False
        ),
    ],
) -> None:
    """Bring back a run or an experiment that was deleted in MLflow."""
    with connected_project():
        from ..tracking.restore import restore

        typer.echo(restore(deleted))
