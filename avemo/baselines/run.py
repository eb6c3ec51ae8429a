"""Runs of a system of the original study: each channel and protocol a run, each training its child.

Where a system has several variants, each fold's validation part decides which of them predicts the
fold's test part.
"""

import shutil
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
from tqdm import tqdm

from ..corpus.selection import read_catalogue
from ..corpus.split import PARTS
from ..errors import CorpusError
from ..evaluation import metrics
from ..evaluation.log import log_predictions
from ..evaluation.predictions import OPTIONAL_COLUMNS, write_predictions
from ..paths import Project
from ..records import BaselineResult, BaselineRun, SkippedRun
from ..settings import Settings
from ..tracking import resume, runs
from . import run_metadata
from .checkpoints import Checkpoints
from .clips import Clips
from .job import Job, prepare_job
from .predictions import Answer, join_predictions, select_variants, uar
from .train import train
from .variants import Variant

if TYPE_CHECKING:
    from mlflow.entities import Run

__all__ = ["EXPERIMENT", "run"]

#: below `avemo/`
EXPERIMENT = "baselines"


def run(
    project: Project, settings: Settings, system: str, clips: Clips, folder: Path
) -> BaselineResult:
    """Run a system on every channel and by every protocol of the settings; a killed run resumes.

    Args:
        clips: the features that the system takes
        folder: gets `CHANNEL-PROTOCOL.csv`, the predictions: performance, fold (that it was tested
            in), true, and the probabilities
    """
    catalogue = read_catalogue(project.catalogue, "actor", "emotion")
    baselines, skipped = [], []
    for channel, protocol in product(settings.baselines.channels, settings.baseline_protocols):
        try:
            job = prepare_job(system, channel, protocol, settings, catalogue, clips)
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
    checkpoints = Checkpoints(project.checkpoints(job.system) / name, job.fingerprint)
    result = checkpoints.load_result()
    if result is None:
        result = _train_and_test(project, settings, job, f"{name}.csv", checkpoints)
        checkpoints.save_result(result)
    shutil.copyfile(checkpoints.predictions, folder / result.predictions)
    return result


def _train_and_test(
    project: Project, settings: Settings, job: Job, file_name: str, checkpoints: Checkpoints
) -> BaselineRun:
    """Train every variant on every fold and log the figures; the predictions are a checkpoint."""
    stage, tags = _stage_name(job), run_metadata.run_tags(job)
    with runs.run(
        project, settings, stage, EXPERIMENT, job.title, resume=checkpoints.run_id, tags=tags
    ) as parent:
        checkpoints.start(parent.info.run_id)
        resume.end_children(parent.info.run_id)
        mlflow.log_params(run_metadata.run_params(settings, job))
        answers = _train_all(settings, job, checkpoints, parent)
        variants = select_variants(job, answers)
        if any(variants.values()):
            mlflow.log_params({f"variant.fold_{fold}": name for fold, name in variants.items()})
        best = {fold: answers[fold][name] for fold, name in variants.items()}
        valid, test = join_predictions(job, best, "valid"), join_predictions(job, best, "test")
        mlflow.log_metric("valid_uar", metrics.uar_of(valid))
        figures = log_predictions(settings, test, "test", job.title)
    write_predictions(checkpoints.predictions, test.drop(columns=OPTIONAL_COLUMNS))
    return BaselineRun(
        channel=job.channel,
        protocol=job.protocol,
        experiment=f"avemo/{EXPERIMENT}",
        run_id=parent.info.run_id,
        run_name=job.title,
        predictions=file_name,
        test=figures,
    )


def _train_all(
    settings: Settings, job: Job, checkpoints: Checkpoints, parent: "Run"
) -> dict[int, dict[str, Answer]]:
    """Return every training's answer, by fold and variant; checkpoints are not trained again."""
    answers: dict[int, dict[str, Answer]] = {fold: {} for fold in job.rounds}
    networks = job.trainings[0][1].networks
    steps = settings.baselines.epochs * networks if networks else 1
    unit = "epoch" if networks else "training"
    total = steps * len(job.trainings)
    with tqdm(total=total, desc=job.title, unit=unit, mininterval=1) as bar:
        for number, (fold, variant) in enumerate(job.trainings, start=1):
            name = " ".join(filter(None, [f"fold {fold}", variant.name]))
            answer = checkpoints.load(name)
            if answer is None:
                answer = _train(settings, job, fold, variant, name, parent, bar)
                checkpoints.save(name, answer)
            answers[fold][variant.name] = answer
            bar.update(number * steps - bar.n)  # one that stopped early is done, too
    return answers


def _train(
    settings: Settings,
    job: Job,
    fold: int,
    variant: Variant,
    name: str,
    parent: "Run",
    bar: "tqdm[None]",
) -> Answer:
    data = job.rounds[fold]
    parts = {part: data.part(part) for part in PARTS}

    def on_epoch(figures: dict[str, float]) -> None:
        bar.update()
        shown = {key: f"{value:.2f}" for key, value in figures.items() if "uar" in key}
        bar.set_postfix(shown, refresh=False)

    tags = {
        "avemo.stage": _stage_name(job),
        "avemo.modality": run_metadata.system_modality(job.system),
    }
    with runs.child(parent, name, tags):
        trained = train(variant, parts["train"], parts["valid"], settings, on_epoch)
        answer = Answer(trained.probabilities(parts["valid"]), trained.probabilities(parts["test"]))
        mlflow.log_params(
            {
                "fold": fold,
                **({"variant": variant.name} if variant.name else {}),
                "features": ", ".join(variant.views),
                "view": ", ".join(variant.views.values()),
                **{f"{name}_performances": len(part) for name, part in parts.items()},
            }
        )
        runs.log_epochs(trained.history)
        # as the last step too, so that the UI's table shows what the variants are compared by
        last = len(trained.history) + 1
        mlflow.log_metric("valid_uar", uar(parts["valid"], answer.valid), step=last)
    return answer


def _stage_name(job: Job) -> str:
    """Return the stage's name in study/dvc.yaml."""
    return f"baselines@{job.system}"
