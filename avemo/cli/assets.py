"""`avemo assets`."""

from collections.abc import Iterable
from typing import Annotated

import typer

from ..terminal import new_table, show
from ._app import complete_from, examples, new_app

app = new_app()


@app.callback()
def assets() -> None:
    """List, fetch and verify the pretrained weights.

    A file is looked for in the folder that AVEMO_ASSETS_MIRROR names, then in your cache, then
    at its official origin, and it is identified by its checksum.
    """


@app.command("list", epilog=examples("avemo assets list"))
def list_assets() -> None:
    """List each file with its size, licence, purpose and place."""
    from ..pretrained import assets

    rows = (
        (
            asset.name,
            "unknown" if asset.size is None else f"{asset.size:,}",
            asset.licence,
            asset.purpose,
            f"{asset.location}: {asset.path}" if asset.path else asset.location,
        )
        for asset in assets.list_assets()
    )
    show(new_table("name", "bytes", "licence", "for", "where", rows=rows))


def _names() -> Iterable[str]:
    from ..pretrained.assets import ASSETS

    return ASSETS


@app.command(epilog=examples("avemo assets pull", "avemo assets pull whisper_tiny_en"))
def pull(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="The files; by default all.",
            autocompletion=complete_from(_names),
            show_default=False,
        ),
    ] = None,
) -> None:
    """Fetch files into your cache."""
    from ..pretrained import assets

    for name in names or assets.ASSETS:
        typer.echo(f"{name}: {assets.get(name)}")


@app.command(epilog=examples("avemo assets verify"))
def verify() -> None:
    """Compare each file that is in your cache or mirror with its checksum."""
    from ..pretrained import assets

    for path in assets.verify():
        typer.echo(f"{path}: its checksum is right")
