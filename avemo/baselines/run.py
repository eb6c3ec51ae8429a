"""A system of the original study, run: each channel and protocol is a run, each training its child.

Where a system has several variants, each fold's validation part says which of them answers for the
fold's test part.
"""

import shutil
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from tqdm import tqdm

from ..corpus.split import PARTS
from ..errors import CorpusError
from ..evaluation import metrics
from ..evaluation.log import log_predictions
from ..evaluation.predictions import write_predictions
from ..paths import Project
from ..records import BaselineResult, BaselineRun, SkippedRun
from ..settings import Settings
from ..tracking import resume, runs
from . import run_metadata
from .checkpoints import Kept
from .clips import Clips
from .job import Job, make
from .predictions import Answers, choose, predictions, uar
from .train import train
from .variants import Variant

__all__ = ["EXPERIMENT", "run"]

#: below `avemo/`
EXPERIMENT = "baselines"

Found = dict[str, Any]


def run(
    project: Project, settings: Settings, system: str, clips: Clips, folder: Path
) -> BaselineResult:
    """Run a system on every channel and protocol that `baselines` names; a killed one goes on.

    Args:
        clips: what the system takes
        folder: gets `CHANNEL-PROTOCOL.csv`, the predictions: performance, fold (that it was tested
            in), true, p_neutral to p_surprised
    """
    catalogue = pd.read_parquet(project.catalogue)
    baselines, skipped = [], []
    for channel, protocol in product(settings.baselines.channels, settings.baselines.protocols):
        try:
            job = make(system, channel, protocol, settings, catalogue, clips)
        except CorpusError as error:
            skipped.append(SkippedRun(channel=channel, protocol=protocol, reason=str(error)))
        else:
            baselines.append(_run(project, settings, job, folder))
    return BaselineResult(
        system=system,
        synthetic=settings.corpus.synthetic,
        runs=baselines,
        skipped_runs=skipped,
    )


def _run(project: Project, settings: Settings, job: Job, folder: Path) -> BaselineRun:
    name = f"{job.channel}-{job.protocol}"
    kept = Kept(project.kept(job.system) / name, job.identity)
    found = kept.finished()
    if not found:
        found = {
            "channel": job.channel,
            "protocol": job.protocol,
            "experiment": f"avemo/{EXPERIMENT}",
            "run_name": job.title,
            "predictions": f"{name}.csv",
        } | _judged(project, settings, job, kept)
        kept.finish(found)
    shutil.copyfile(kept.predictions, folder / f"{name}.csv")
    return BaselineRun.model_validate(found, strict=False)


def _judged(project: Project, settings: Settings, job: Job, kept: Kept) -> Found:
    """The run's id and its figures on the test part, whose predictions are kept, too."""
    stage, tags = _stage(job), run_metadata.tags(job)
    with runs.run(
        project, settings, stage, EXPERIMENT, job.title, resume=kept.run_id, tags=tags
    ) as parent:
        kept.begin(parent.info.run_id)
        resume.end_children(parent.info.run_id)
        mlflow.log_params(run_metadata.params(settings, job))
        answers = _answers(settings, job, kept, parent)
        chosen = choose(job, answers)
        if any(chosen.values()):
            mlflow.log_params({f"chosen.fold_{fold}": name for fold, name in chosen.items()})
        best = {fold: answers[fold][name] for fold, name in chosen.items()}
        valid, test = (predictions(job, best, part) for part in ("valid", "test"))
        mlflow.log_metric("valid_uar", metrics.uar(valid["true"], metrics.predicted(valid)))
        figures = log_predictions(settings, test, "test", job.title)
    write_predictions(kept.predictions, test.drop(columns=["actor", "part"]))
    test_figures = {name: asdict(interval) for name, interval in figures.items()}
    return {"run_id": parent.info.run_id, "test": test_figures}


def _answers(
    settings: Settings, job: Job, kept: Kept, parent: Any
) -> dict[int, dict[str, Answers]]:
    """Every training's answers, by fold and variant; those that are kept are not made again."""
    answers: dict[int, dict[str, Answers]] = {fold: {} for fold in job.rounds}
    networks = job.trainings[0][1].networks
    each = settings.baselines.epochs * networks if networks else 1
    unit = "epoch" if networks else "training"
    total = each * len(job.trainings)
    with tqdm(total=total, desc=job.title, unit=unit, mininterval=1) as bar:
        for number, (fold, variant) in enumerate(job.trainings, start=1):
            name = " ".join(filter(None, [f"fold {fold}", variant.name]))
            found = kept.answers(name)
            if found is None:
                found = _trained(settings, job, fold, variant, name, parent, bar)
                kept.keep(name, found)
            answers[fold][variant.name] = found
            bar.update(number * each - bar.n)  # one that stopped early is done, too
    return answers


def _trained(
    settings: Settings, job: Job, fold: int, variant: Variant, name: str, parent: Any, bar: Any
) -> Answers:
    data = job.rounds[fold]
    parts = {part: data.part(part) for part in PARTS}

    def on_epoch(figures: dict[str, float]) -> None:
        bar.update()
        shown = {key: f"{value:.2f}" for key, value in figures.items() if "uar" in key}
        bar.set_postfix(shown, refresh=False)

    tags = {"avemo.stage": _stage(job), "avemo.modality": run_metadata.modality(job.system)}
    with runs.child(parent, name, tags):
        made = train(variant, parts["train"], parts["valid"], settings, on_epoch)
        answers = {part: made.probabilities(parts[part]) for part in ("valid", "test")}
        mlflow.log_params(
            {
                "fold": fold,
                **({"variant": variant.name} if variant.name else {}),
                "features": ", ".join(variant.views),
                "view": ", ".join(variant.views.values()),
                **{f"{part}_performances": len(each) for part, each in parts.items()},
            }
        )
        runs.log_epochs(made.history)
        # as the last step too, so that the UI's table shows what the variants are compared by
        last = len(made.history) + 1
        mlflow.log_metric("valid_uar", uar(parts["valid"], answers["valid"]), step=last)
    return answers


def _stage(job: Job) -> str:
    """In study/dvc.yaml."""
    return f"baselines@{job.system}"
