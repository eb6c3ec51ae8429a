"""`avemo baselines`."""

from collections.abc import Collection
from typing import Annotated

import typer

from ..terminal import new_table, show
from ._app import check_choices, complete_from, examples, new_app

app = new_app()

_ALL = "all"


@app.callback()
def baselines() -> None:
    """List and run the systems of the original study, to compare with.

    Each is run on speech, on song and on both, as far as there are recordings: by the study's
    random split, and by folds of actors, where no model is tested on an actor of its training.
    `baselines` in params.yaml has the settings; the runs are in MLflow's experiment
    avemo/baselines.
    """


@app.command("list", epilog=examples("avemo baselines list"))
def list_systems() -> None:
    """List each system with its published accuracy, what it was, and its results here."""
    from ..baselines.published import CHANNELS, SYSTEMS
    from ..baselines.summary import load_results
    from ..paths import find_project
    from ..records import BaselineResult, Skipped

    results = load_results(find_project())
    published = new_table("system", *CHANNELS, "accuracy as published, on random splits")
    runs = new_table("system", "channel", "protocol", "test UAR", "accuracy")
    reasons = []
    synthetic = False
    for name, system in SYSTEMS.items():
        accuracies = (_percent(system.accuracy.get(channel, ())) for channel in CHANNELS)
        published.add_row(name, *accuracies, system.description)
        result = results.get(name)
        if isinstance(result, BaselineResult) and result.runs:
            synthetic |= result.synthetic
            for run in result.runs:
                figures = (f"{run.test['uar']}", f"{run.test['accuracy']}")
                runs.add_row(name, run.channel, run.protocol, *figures)
        else:
            reason = f": {result.reason}" if isinstance(result, Skipped) else ""
            reasons.append(f"{name}: not run{reason}")
    show(published, "")
    if runs.row_count:
        show(runs)
    show(*reasons)
    if synthetic:
        show("Figures on the synthetic sample corpus say nothing about accuracy.")


def _percent(ratios: tuple[float, ...]) -> str:
    """Return `15-19 %` for the lowest and the highest accuracy."""
    return f"{'-'.join(f'{100 * ratio:.0f}' for ratio in ratios)} %" if ratios else "-"


def _choices() -> Collection[str]:
    from ..baselines.published import SYSTEMS

    return (*SYSTEMS, _ALL)


def _check_names(names: list[str]) -> list[str]:
    check_choices(names, _choices())
    return names


@app.command(epilog=examples("avemo baselines run lstm cnn", "avemo baselines run all"))
def run(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="SYSTEM",
            help="As `avemo baselines list` names them, or all.",
            autocompletion=complete_from(_choices),
            callback=_check_names,
            show_default=False,
        ),
    ],
) -> None:
    """Run systems that are not up to date, on the features that `dvc repro` computed.

    This is the same as `dvc repro baselines@SYSTEM` in the folder study. After an
    interruption, the same command continues.
    """
    from ..baselines.published import SYSTEMS
    from ..paths import find_project
    from ..repro import reproduce

    project = find_project()
    systems = SYSTEMS if _ALL in names else dict.fromkeys(names)
    reproduce(project, [f"baselines@{name}" for name in systems], project.study)
