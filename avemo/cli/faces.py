"""`avemo faces`."""

from pathlib import Path
from typing import Annotated

import typer

from ._app import Clips, examples, new_app

app = new_app()


@app.callback()
def faces() -> None:
    """Look at the faces that are extracted from clips."""


@app.command(epilog=examples("avemo faces sheet clip.mp4 --output clip.png"))
def sheet(
    files: Clips,
    output: Annotated[
        Path, typer.Option(metavar="PICTURE", help="The picture to write.", dir_okay=False)
    ] = Path("sheet.png"),
) -> int:
    """Write a picture of the aligned faces of clips, a row a clip.

    Below each face are its time and how far it is turned to the right. `faces` in
    params.yaml has the settings.

    The exit code is 1 if a clip has no face.
    """
    from ..config import load_settings
    from ..faces import contact_sheet
    from ..paths import find_project

    results = contact_sheet.write(files, load_settings(find_project().root).faces, output)
    counts = [result for result in results.values() if isinstance(result, int)]
    for file, result in results.items():
        if not isinstance(result, int):
            typer.echo(f"{file}: {result.finding}: {result}", err=True)
    if counts:
        clips = f"{len(counts)} of {len(results)} clips"
        typer.echo(f"{output} is written: {sum(counts)} faces, from {clips}")
    else:
        typer.echo("avemo: no clip has a face to show: no page is written", err=True)
    return 1 if len(counts) < len(results) else 0
