"""`avemo compare`."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ..terminal import new_table, show
from ._app import JsonOutput, connected_project, examples, new_app

if TYPE_CHECKING:
    from ..registry.compare import ComparedModel

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
        from ..registry.compare import compare_models

        models = compare_models(load_settings(project.root), names)
    if as_json:
        typer.echo(json.dumps([asdict(model) for model in models], indent=1))
    else:
        _show(models)


def _show(models: "list[ComparedModel]") -> None:
    from ..registry.compare import METRICS

    uar = models[0].figures["uar"]
    table = new_table("", *(str(number) for number in range(1, len(models) + 1)))
    for metric in METRICS:
        table.add_row(metric, *(f"{model.figures[metric]}" for model in models))
    for metric in METRICS:
        differences = (f"{model.differences[metric]:+}" for model in models[1:])
        table.add_row(f"{metric}, less 1", "", *differences)
    show(f"on {uar.performances} performances of {uar.actors} actors")
    show(*(f"{number}: {model.name}" for number, model in enumerate(models, 1)), table)
