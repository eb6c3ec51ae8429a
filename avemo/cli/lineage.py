"""`avemo lineage`."""

import json
from typing import Annotated

import typer

from ._app import JsonOutput, connected_project, examples, new_app

app = new_app()


@app.command(
    epilog=examples(
        "avemo lineage models:/avemo-audio@champion",
        "avemo lineage --diff models:/avemo-audio/1 models:/avemo-audio/2",
    )
)
def lineage(
    ctx: typer.Context,
    uri: Annotated[
        str | None,
        typer.Argument(
            metavar="URI",
            help="Such as models:/avemo-audio@champion, models:/avemo-audio/3 or runs:/ID.",
            show_default=False,
        ),
    ] = None,
    diff: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="What differs from A to B.", show_default=False),
    ] = None,
    as_json: JsonOutput = False,
) -> None:
    """Show what a version or a run was made from, down to each recording.

    That is code, settings, split, search, extractors, weights, data with the stages that wrote
    it, packages and machine. With --diff it is what differs between two.
    """
    if (uri is None) == (diff is None):
        ctx.fail("either a URI or --diff A B is expected")
    with connected_project():
        from ..registry.differences import find_differences
        from ..registry.lineage import read_lineage
        from ..registry.lineage_tree import lineage_tree
        from ..terminal import show

        if uri:
            record = read_lineage(uri)
            if as_json:
                typer.echo(record.model_dump_json(indent=1))
            else:
                show(lineage_tree(uri, record))
            return
        first, second = diff or ("", "")
        groups = find_differences(read_lineage(first), read_lineage(second))
    if as_json:
        typer.echo(json.dumps(groups, indent=1))
        return
    for name, lines in groups.items():
        typer.echo("\n  ".join([name, *lines]))
    if not groups:
        typer.echo("nothing differs")
