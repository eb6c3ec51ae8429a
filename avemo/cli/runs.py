"""`avemo runs`."""

import typer

from ._app import connected_project, examples, new_app

app = new_app()


@app.callback()
def runs() -> None:
    """Deliver runs that wait for the tracking server.

    Where the tracking server does not answer, runs are stored in mlruns/spool.
    """


@app.command(epilog=examples("avemo runs sync"))
def sync() -> None:
    """Deliver the runs that wait, each once."""
    with connected_project() as project:
        from ..tracking import spool

        typer.echo("\n".join(spool.sync(project)))
