"""`avemo rebuild`."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._app import connected_project, examples, new_app

if TYPE_CHECKING:
    from ..registry.rebuild import Comparison

app = new_app()


@app.command(
    epilog=examples(
        "avemo rebuild models:/avemo-audio@champion",
        "avemo rebuild --provenance provenance.intoto.json   # of a signed version; no registry",
    )
)
def rebuild(
    context: typer.Context,
    uri: Annotated[
        str | None,
        typer.Argument(
            metavar="URI", help="Such as models:/avemo-audio@champion.", show_default=False
        ),
    ] = None,
    provenance: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="In place of URI: a version's provenance.intoto.json. Its code is run: take one "
            "from a source that you trust.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Train a version again, and compare its predictions with the recorded ones.

    Its configuration is trained in a clean checkout of its commit, with its settings and its
    data; the search is not repeated. Nothing in this project is changed. All that it takes stands
    in the version, and of a signed version also in its provenance, which needs no registry.

    The exit code is 0 if the predictions on the test part are identical, 1 if they differ or
    something is missing.
    """
    if (uri is None) == (provenance is None):
        raise typer.BadParameter("name a version's URI, or --provenance FILE", ctx=context)
    # when it is told to end, it removes its folder, as after Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if provenance:
        from ..paths import find_project
        from ..registry.rebuild import rebuild_from_provenance

        comparison = rebuild_from_provenance(find_project(), provenance)
    else:
        comparison = _rebuild_version(str(uri))
    typer.echo(f"rebuilt: {comparison}")
    return int(not comparison.identical)


def _rebuild_version(uri: str) -> "Comparison":
    with connected_project() as project:
        from ..registry.rebuild import rebuild

        return rebuild(project, uri)
