"""`avemo status`."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from ..modalities import Modality
from ..terminal import new_table, show
from ._app import JsonOutput, examples, new_app

if TYPE_CHECKING:
    from ..status import ModelStatus, ProjectStatus

app = new_app()

#: in an address of the MLflow UI: runs and models, not the pages for language models
_CLASSIC = "workflowType=machine_learning"

_NONE_YET = "none yet: run `dvc repro`"


@app.command(epilog=examples("avemo status", "avemo status --json | jq .models.audio"))
def status(
    as_json: JsonOutput = False,
    next_steps: Annotated[
        bool, typer.Option("--next", help="Show the commands to type next, too.")
    ] = False,
) -> None:
    """Show the project's state: corpus, split, features, and models with their figures.

    The models are the registered ones that have an alias, with their figures on the test part.
    """
    from ..paths import find_project
    from ..status import read_status

    result = read_status(find_project())
    if as_json:
        typer.echo(json.dumps(asdict(result, dict_factory=_without_none), indent=1))
        return
    _show_data(result)
    _show_models(result)
    if result.baselines:
        rows = ((b.system, b.channel, b.protocol, b.uar, b.accuracy) for b in result.baselines)
        columns = ("baseline", "channel", "protocol", "test UAR", "accuracy")
        show("", new_table(*columns, rows=rows))
    if result.synthetic:
        show("Figures on the synthetic sample corpus say nothing about accuracy.")
    if next_steps:
        show(describe_next_steps(result))


def _without_none(fields: Iterable[tuple[str, object]]) -> dict[str, object]:
    return {name: value for name, value in fields if value is not None}


def _show_data(status: "ProjectStatus") -> None:
    corpus, split = status.corpus, status.split
    lines = dict.fromkeys(("corpus", "split", "features"), _NONE_YET)
    if corpus:
        kind = "synthetic sample, " if status.synthetic else ""
        lines["corpus"] = (
            f"{kind}{corpus.recordings} recordings of {corpus.performances} performances by "
            f"{corpus.actors} actors, {corpus.set_aside} set aside"
        )
    if split:
        parts = ", ".join(f"{part} {count}" for part, count in split.parts.items())
        lines["split"] = f"{split.id} by {split.protocol}: {parts}"
    if status.features:
        counts = (f"{name} {count}" for name, count in status.features.items())
        lines["features"] = ", ".join(counts)
    table = new_table("", "", rows=lines.items())
    table.show_header = False
    show(table, "")


def _show_models(status: "ProjectStatus") -> None:
    columns = ("model", "version", "aliases", "trained on", "architecture", "test UAR", "accuracy")
    table = new_table(*columns, "answered", "right of these")
    lines = []
    for modality, model in status.models.items():
        if model.absent or not model.versions:
            lines.append(f"avemo-{modality}: {model.absent or _NONE_YET}")
        for version in model.versions:
            aliases = ", ".join(version.aliases)
            table.add_row(
                f"avemo-{modality}",
                version.version,
                aliases,
                version.corpus,
                version.architecture,
                version.uar,
                version.accuracy,
                version.coverage,
                version.selective_accuracy,
            )
            if version.note:
                lines.append(f"avemo-{modality} version {version.version}: {version.note}")
    if table.row_count:
        show(table)
    show(*lines)


def describe_next_steps(status: "ProjectStatus") -> str:
    """Return the commands to type next, and the pages of the MLflow UI to open."""
    from ..paths import Project
    from ..tracking import store

    example = (status.corpus and status.corpus.example) or "clip.mp4"
    default = store.default_uri(Project(Path(status.project)))
    uri = os.environ.get(store.TRACKING_URI, default)
    lines = [
        "",
        "Next, after `. .venv/bin/activate`:",
        f"  avemo predict {example}",
        *(
            f"  avemo registry promote {modality}     the candidate, version {candidate.version}, "
            "if it passes the gate"
            for modality, model in status.models.items()
            if (candidate := model.waiting)
        ),
    ]
    lines += _describe_more_recordings(status)
    if not uri.startswith("http"):
        local = "sqlite:///mlruns/mlflow.db" if uri == default else uri
        lines.append(f"  mlflow ui --backend-store-uri {local}     then open")
        uri = "http://127.0.0.1:5000"
    lines += [f"    {page}: {address}" for page, address in _pages(status.models, uri).items()]
    return "\n".join([*lines, ""])


def _describe_more_recordings(status: "ProjectStatus") -> list[str]:
    """Return what to type for real recordings, or for films, where there are none."""
    from ..settings import SYNTHETIC_LABEL

    if status.synthetic:
        return ["  make ravdess             RAVDESS's sound, 0.4 GB, and training on it"]
    lines = []
    if status.source == "zenodo" and status.corpus and not status.corpus.films:
        lines.append("  make ravdess VIDEO=1     its films, too, 24 GB, and models of them")
    synthetic = [
        f"avemo-{modality}"
        for modality, model in status.models.items()
        if model.champion and model.champion.corpus == SYNTHETIC_LABEL
    ]
    if synthetic:
        lines.append(
            f"  {' and '.join(synthetic)} know the synthetic sample alone: for a film, add "
            "--model models:/avemo-audio@champion"
        )
    return lines


def _pages(models: "dict[Modality, ModelStatus]", uri: str) -> dict[str, str]:
    """Return the addresses in the MLflow UI that compare the champions' runs and show a champion.

    Args:
        models: by modality
        uri: of the UI
    """
    champions = {name: champion for name, model in models.items() if (champion := model.champion)}
    pages = {"every run": f"{uri}/#/experiments?{_CLASSIC}"}
    if not champions:
        return pages
    run_ids = _query([champion.run_id for champion in champions.values()])
    experiment_ids = _query([champion.experiment_id for champion in champions.values()])
    modality = "fused" if "fused" in champions else next(iter(champions))
    version = champions[modality].version
    return pages | {
        "the champions' runs compared": (
            f"{uri}/#/compare-runs?runs={run_ids}&experiments={experiment_ids}&{_CLASSIC}"
        ),
        f"the champion avemo-{modality}": (
            f"{uri}/#/models/avemo-{modality}/versions/{version}?{_CLASSIC}"
        ),
    }


def _query(values: list[str]) -> str:
    return quote(json.dumps(values).replace(" ", ""))
