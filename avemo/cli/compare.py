"""`avemo compare`."""

import json
from typing import Annotated, Any

import typer

from ..terminal import new_table, show
from ._app import JsonOutput, connected_project, examples, new_app

app = new_app()


@app.command(
    epilog=examples(
        "avemo compare models:/avemo-audio@champion models:/avemo-audio@candidate",
        "avemo compare RUN_ID RUN_ID --json",
    )
)
def compare(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="A run's id, or a model such as models:/avemo-audio@champion.",
            show_default=False,
        ),
    ],
    as_json: JsonOutput = False,
) -> None:
    """Compare runs and registered versions on the same performances.

    The table has their metrics on the performances that all of them have predictions for, and
    the paired differences from the first, each with an interval bootstrapped over actors.
    """
    with connected_project() as project:
        from ..config import load_settings
        from ..registry.compare import compare

        compared = compare(load_settings(project.root), names)
    if as_json:
        typer.echo(json.dumps(compared, indent=1))
    else:
        _show(compared)


def _show(compared: list[dict[str, Any]]) -> None:
    from ..evaluation.bootstrap import Interval
    from ..registry.compare import METRICS

    size = compared[0]["figures"]["uar"]
    table = new_table("", *(str(place) for place in range(1, len(compared) + 1)))
    for metric in METRICS:
        table.add_row(metric, *(f"{Interval(**run['figures'][metric])}" for run in compared))
    for metric in METRICS:
        differences = (f"{Interval(**run['more'][metric]):+}" for run in compared[1:])
        table.add_row(f"{metric}, less 1", "", *differences)
    show(f"on {size['performances']} performances of {size['actors']} actors")
    show(*(f"{place}: {run['name']}" for place, run in enumerate(compared, 1)), table)
