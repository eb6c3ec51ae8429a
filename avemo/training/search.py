"""Which architecture and hyperparameters: one Keras Tuner search a modality.

Each trial is a child of the search's run in MLflow. A killed search resumes.
"""

import logging
import shutil
from pathlib import Path

import mlflow
from tqdm import tqdm

from ..evaluation.paired import MIN_ACTORS
from ..paths import Project
from ..records import SearchResult, Trial
from ..settings import Settings
from ..tracking import resume as resume_runs
from ..tracking import runs
from . import progress
from .distributed import workers
from .objective import OBJECTIVE, create_objective
from .task import TrainingTask
from .tuner import RUN_ID, Tuner, create_tuner, scratch_folder

__all__ = ["search"]

log = logging.getLogger(__name__)


def search(project: Project, settings: Settings, task: TrainingTask, folder: Path) -> SearchResult:
    """Try configurations by inner cross-validation, and select the members of a model.

    With fewer than two inner folds there is nothing to choose by: the members are the first
    architecture with its defaults.

    Args:
        folder: gets `search.json`, and `predictions.csv` if there was anything to choose by

    Raises:
        AvemoError: a search by several workers cannot go on
    """
    worker_count = workers.worker_count(settings)
    stage = runs.stage_name("search", task.modality)
    budget = settings.search.budget_of(task.modality)
    scratch = scratch_folder(project, settings, task)
    run_file = scratch / RUN_ID
    resume = run_file.read_text(encoding="utf-8") if run_file.exists() else None
    params = {
        "architectures": ", ".join(task.architectures),
        **budget.model_dump(),
        "budget": settings.search.budget,
        "performances": len(task.data),
    }
    if resume and not resume_runs.is_resumable(resume, params):
        resume_runs.end_run(resume)
        shutil.rmtree(scratch)
        resume = None
    objective = create_objective(project, settings, task)
    warning = _few_actors(task)
    if warning:
        log.warning(f"search {task.modality}: {warning}")
    with runs.run(project, settings, stage, task.modality, "search", resume=resume) as parent:
        if warning:
            mlflow.set_tag("avemo.warning", warning)
        run_id = parent.info.run_id
        run_file.parent.mkdir(parents=True, exist_ok=True)
        run_file.write_text(run_id, encoding="utf-8")
        mlflow.log_params(params)
        if objective.fits_per_trial:
            if resume:
                resume_runs.end_children(run_id)
            tuner = create_tuner(settings, task, objective, parent, scratch)
            trials = _run_trials(project, settings, tuner, worker_count)
            ensemble = objective.select(trials, folder)
            result = SearchResult(
                run_id=run_id,
                split_id=task.data.split_id,
                val_uar=trials[0].val_uar,
                trials=trials,
                members=ensemble.members,
                temperature=ensemble.temperature,
                fusion=ensemble.fusion,
            )
            mlflow.log_metric(f"best_{OBJECTIVE}", trials[0].val_uar)
            best = trials[0].hyperparameters
            mlflow.log_params({f"best.{name}": value for name, value in best.items()})
        else:
            mlflow.set_tag("avemo.note", "fewer than two inner folds: defaults, nothing chosen")
            result = SearchResult(
                run_id=run_id,
                split_id=task.data.split_id,
                val_uar=None,
                trials=[],
                members=[{"architecture": task.architectures[0]}] * budget.members,
                temperature=None,
            )
        result.write(folder / "search.json")
        mlflow.log_artifact(str(folder / "search.json"))
    shutil.rmtree(scratch)
    return result


def _few_actors(task: TrainingTask) -> str:
    """Return a warning where models of the face are selected on too few actors; else nothing."""
    rows = task.data.rows
    actors = rows.loc[rows["part"].ne("test"), "actor"].nunique()
    if task.modality == "audio" or actors >= MIN_ACTORS:
        return ""
    count = f"{actors} actor" + "s" * (actors != 1)
    return (
        f"selected on {count}: fewer than {MIN_ACTORS} do not tell how a model of the face does on "
        "other people"
    )


def _run_trials(
    project: Project, settings: Settings, tuner: Tuner, worker_count: int
) -> list[Trial]:
    """Run every trial, in this process or in several, and return them best first."""
    modality, scratch = tuner.hypermodel.modality, tuner.oracle.scratch
    run_id = tuner.parent.info.run_id
    trial_count = tuner.oracle.max_trials
    worker_count = min(worker_count, trial_count - len(tuner.completed))
    with tqdm(
        total=trial_count * tuner.cross_validation.fits_per_trial,
        initial=progress.count_fits(scratch).total(),
        desc=f"search {modality}",
        unit="fit",
    ) as bar:

        def show_progress() -> None:
            if added := progress.count_fits(scratch).total() - bar.n:
                bar.update(added)

        if worker_count > 1:
            tuner.save()
            try:
                workers.run_workers(
                    project, settings, modality, scratch, worker_count, show_progress
                )
            finally:
                resume_runs.end_children(run_id)
            tuner.oracle.reload()
        else:
            tuner.search(on_fit=show_progress)
    return _sort_trials(tuner, run_id)


def _sort_trials(tuner: Tuner, run_id: str) -> list[Trial]:
    """Return the finished trials, best first."""
    finished = runs.finished_trials(run_id)
    trials = [
        Trial(
            run_id=finished[trial.trial_id].info.run_id,
            hyperparameters=trial.hyperparameters.values,
            val_uar=finished[trial.trial_id].data.metrics[OBJECTIVE],
        )
        for trial in tuner.completed[: tuner.oracle.max_trials]
    ]
    return sorted(trials, key=lambda trial: -trial.val_uar)
