"""`avemo repro`."""

from typing import Annotated

import typer

from ._app import examples, new_app

app = new_app()


@app.command(
    epilog=examples(
        "avemo repro                # from recordings to registered models",
        "avemo repro search@audio   # and what it needs",
    )
)
def repro(
    stages: Annotated[
        list[str] | None,
        typer.Argument(metavar="STAGE", help="As in dvc.yaml; by default all.", show_default=False),
    ] = None,
) -> None:
    """Check the project, then run `dvc repro`: every stage that is not up to date.

    The settings, the recordings that they name, and the repository are checked first, so that one
    line says what is wrong with them and what to do. `dvc repro` itself checks all but
    a params.yaml or dvc.yaml that is no YAML, and a folder in no repository: DVC says these.
    """
    from ..paths import find_project
    from ..repro import reproduce

    reproduce(find_project(), stages or [])
