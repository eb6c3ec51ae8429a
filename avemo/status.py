"""What stands where in a project."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .config import load_settings
from .evaluation.bootstrap import Interval
from .evaluation.table import wide
from .modalities import MODALITIES
from .paths import Project
from .settings import Settings

__all__ = ["hints", "status", "text"]

#: in an address of the MLflow UI: runs and models, not the pages for language models
_CLASSIC = "workflowType=machine_learning"


def status(project: Project) -> dict[str, Any]:
    """For JSON: corpus, split, features, models by modality, and the baselines' runs.

    Raises:
        SettingsError: params.yaml is wrong
    """
    settings = load_settings(project.root)
    found: dict[str, Any] = {"project": str(project.root), "synthetic": settings.corpus.synthetic}
    if project.catalogue.exists():
        found["corpus"] = _corpus(project)
    if project.split.exists():
        found["split"] = _split(project) | {"protocol": settings.split.protocol}
    found["features"] = {
        name: count
        for name, folder in _folders(project, settings).items()
        if (count := _rows(folder))
    }
    found["models"] = _models(project)
    found["baselines"] = _baselines(project)
    return found


def text(found: dict[str, Any]) -> str:
    """For people."""
    none = "none yet: run `dvc repro`"
    corpus, split = found.get("corpus"), found.get("split")
    lines = [f"{'corpus':10}{none}", f"{'split':10}{none}", f"{'features':10}{none}"]
    if corpus:
        kind = "synthetic sample, " if found["synthetic"] else ""
        lines[0] = (
            f"{'corpus':10}{kind}{corpus['recordings']} recordings of "
            f"{corpus['performances']} performances by {corpus['actors']} actors, "
            f"{corpus['set_aside']} set aside"
        )
    if split:
        parts = ", ".join(f"{part} {count}" for part, count in split["parts"].items())
        lines[1] = f"{'split':10}{split['id']} by {split['protocol']}: {parts}"
    if found["features"]:
        counts = ", ".join(f"{name} {count}" for name, count in found["features"].items())
        lines[2] = f"{'features':10}{counts}"
    versions = [one for model in found["models"].values() for one in model["versions"]]
    width = wide(one["architecture"] for one in versions)
    lines += [
        "",
        f"{'model':14}{'version':9}{'aliases':22}{'architecture':{width}}{'test UAR':24}accuracy",
    ]
    for modality, model in found["models"].items():
        if not model["versions"]:
            lines.append(f"avemo-{modality:8}{model.get('absent', none)}")
        for one in model["versions"]:
            aliases = ", ".join(one["aliases"])
            lines.append(
                f"avemo-{modality:8}{one['version']:9}{aliases:22}{one['architecture']:{width}}"
                f"{one['uar']:24}{one['accuracy']}"
            )
    if found["baselines"]:
        lines += [
            "",
            f"{'baseline':14}{'channel':9}{'protocol':22}{'':{width}}{'test UAR':24}accuracy",
        ]
    lines += [
        f"{one['system']:14}{one['channel']:9}{one['protocol']:22}{'':{width}}{one['uar']:24}"
        f"{one['accuracy']}"
        for one in found["baselines"]
    ]
    if found["synthetic"]:
        lines.append("Figures on the synthetic sample corpus say nothing about accuracy.")
    return "\n".join(lines)


def hints(found: dict[str, Any]) -> str:
    """Return the commands to type next, and the pages of the MLflow UI to open."""
    from .tracking import store

    example = found.get("corpus", {}).get("example", "clip.mp4")
    default = store.DEFAULT.format(root=found["project"])
    uri = os.environ.get(store.TRACKING_URI, default)
    lines = [
        "",
        "Next, after `. .venv/bin/activate`:",
        f"  avemo predict {example}",
        "  On RAVDESS: in params.yaml set corpus.source to path and corpus.path to its folder, "
        "then dvc repro",
    ]
    if not uri.startswith("http"):
        local = "sqlite:///mlruns/mlflow.db" if uri == default else uri
        lines.append(f"  mlflow ui --backend-store-uri {local}     then open")
        uri = "http://127.0.0.1:5000"
    lines += [f"    {what}: {address}" for what, address in _pages(found["models"], uri).items()]
    return "\n".join([*lines, ""])


def _pages(models: dict[str, Any], uri: str) -> dict[str, str]:
    """Return the addresses in the MLflow UI that compare the champions' runs and show a champion.

    Args:
        models: by modality, with their versions
        uri: of the UI
    """
    champions = {
        modality: version
        for modality, model in models.items()
        for version in model["versions"]
        if "champion" in version["aliases"]
    }
    pages = {"every run": f"{uri}/#/experiments?{_CLASSIC}"}
    if not champions:
        return pages
    run_ids, experiment_ids = (
        quote(json.dumps([version[key] for version in champions.values()]).replace(" ", ""))
        for key in ("run_id", "experiment_id")
    )
    modality = "fused" if "fused" in champions else next(iter(champions))
    version = champions[modality]["version"]
    return pages | {
        "the champions' runs compared": (
            f"{uri}/#/compare-runs?runs={run_ids}&experiments={experiment_ids}&{_CLASSIC}"
        ),
        f"the champion avemo-{modality}": (
            f"{uri}/#/models/avemo-{modality}/versions/{version}?{_CLASSIC}"
        ),
    }


def _corpus(project: Project) -> dict[str, Any]:
    import pandas as pd

    rows = pd.read_parquet(project.catalogue)
    used = rows[rows["finding"].eq("")]
    films = used[used["modality"].eq(1)]["path"]
    example = (project.raw / (films if len(films) else used["path"]).iloc[0]).relative_to(
        project.root
    )
    return {
        "recordings": len(used),
        "performances": int(used["performance"].nunique()),
        "actors": int(used["actor"].nunique()),
        "set_aside": len(rows) - len(used),
        "example": example.as_posix(),
    }


def _split(project: Project) -> dict[str, Any]:
    from .corpus import split

    counts = split.read(project.split)["part"].value_counts()
    parts = {part: int(counts.get(part, 0)) for part in split.PARTS}
    return {"id": split.split_id(project.split), "parts": parts}


def _folders(project: Project, settings: Settings) -> dict[str, Path]:
    """Where each extractor's features are, and the faces."""
    folders = {"faces": project.faces}
    for modality in ("audio", "visual"):
        names = settings.extractors_of(modality)
        folders |= {name: project.features(modality, name) for name in names}
    return folders


def _rows(folder: Path) -> int:
    from .features import store

    return store.count_rows(folder)


def _models(project: Project) -> dict[str, Any]:
    from .tracking import json_file, store

    registered = json_file.read(project.registered)
    models: dict[str, Any] = {name: {"versions": []} for name in MODALITIES}
    for modality, one in registered.items():
        if "absent" in one:
            models[modality]["absent"] = f"absent: {one['absent']}"
        else:  # shown where the registry does not have it any more
            models[modality]["absent"] = (
                f"version {one['version']} was registered, but is not in this registry: set "
                f"{store.TRACKING_URI}, or make it again: dvc repro --force"
            )
    local = store.TRACKING_URI not in os.environ
    if local and not (project.root / "mlruns" / "mlflow.db").exists():
        return models
    store.connect(project, spool=False)
    import mlflow

    client = mlflow.MlflowClient()
    for modality, model in models.items():
        try:
            aliases = client.get_registered_model(f"avemo-{modality}").aliases
        except mlflow.MlflowException:
            continue
        for number in sorted({str(each) for each in aliases.values()}, key=int, reverse=True):
            version = client.get_model_version(f"avemo-{modality}", number)
            run = client.get_run(str(version.run_id))
            metrics = run.data.metrics
            names = sorted(alias for alias, value in aliases.items() if str(value) == number)
            model["versions"].append(
                {
                    "version": number,
                    "aliases": names,
                    "architecture": version.tags.get("avemo.architecture", ""),
                    "run_id": version.run_id,
                    "experiment_id": run.info.experiment_id,
                    "uar": _figure(metrics, "test_uar"),
                    "accuracy": _figure(metrics, "test_accuracy"),
                }
            )
    return models


def _baselines(project: Project) -> list[dict[str, str]]:
    from .baselines import summary
    from .records import BaselineResult

    return [
        {
            "system": system,
            "channel": run.channel,
            "protocol": run.protocol,
            "run_id": run.run_id,
            "uar": str(run.test["uar"]),
            "accuracy": str(run.test["accuracy"]),
        }
        for system, result in summary.load_results(project).items()
        if isinstance(result, BaselineResult)
        for run in result.runs
    ]


def _figure(metrics: dict[str, float], name: str) -> str:
    if name not in metrics:
        return "absent"
    return str(Interval(metrics[name], metrics.get(f"{name}_low"), metrics.get(f"{name}_high")))
