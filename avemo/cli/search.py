"""`avemo search`."""

from typing import Annotated

import typer

from ..modalities import MODALITIES
from ._app import check_choices, complete_from, examples, new_app

app = new_app()


def _check_modalities(modalities: list[str]) -> list[str]:
    check_choices(modalities, MODALITIES)
    return modalities


@app.command(
    epilog=examples(
        "avemo search audio                  # by the settings in params.yaml",
        "avemo search audio visual --workers 4",
    )
)
def search(
    modalities: Annotated[
        list[str],
        typer.Argument(
            metavar="MODALITY",
            help="audio, visual or fused.",
            autocompletion=complete_from(lambda: MODALITIES),
            callback=_check_modalities,
            show_default=False,
        ),
    ],
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="How many; by default search.workers in params.yaml."
        ),
    ] = None,
) -> None:
    """Search architectures and hyperparameters, with several workers.

    This is the same as `dvc repro search@MODALITY`, or search-fused: what is up to date is not
    run, and what the search needs is run first.

    Keras Tuner's chief hands out trials, and each worker runs one at a time on its share of
    this machine's cores, or of the cluster's with `engine: ray` in params.yaml. The trials do
    not depend on the number of workers; each is a child run in MLflow. A process that dies is
    started again and continues, and so does this command after an interruption.
    """
    from ..paths import find_project
    from ..repro import reproduce
    from ..tracking.runs import stage_name
    from ..training.distributed.workers import WORKERS

    environment = {WORKERS: str(workers)} if workers else {}
    stages = [stage_name("search", modality) for modality in modalities]
    reproduce(find_project(), stages, environment=environment)
