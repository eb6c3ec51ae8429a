"""Which architecture and hyperparameters: one Keras Tuner search a modality.

Each trial is a child of the search's run in MLflow. A killed search takes up where it was.
"""

import shutil
from pathlib import Path
from typing import Any

import mlflow
from tqdm import tqdm

from ..paths import Project
from ..settings import Settings
from ..tracking import resume as stopped
from ..tracking import runs
from . import progress
from .distributed import workers
from .objective import OBJECTIVE, ByFolds, judge
from .task import Task, identity
from .tuner import Oracle, Tuner

__all__ = ["NOTE", "scratch_of", "search", "tuner_of"]
Found = dict[str, Any]

#: in the search's folder: the id of its run
NOTE = "run"


def search(project: Project, settings: Settings, task: Task, folder: Path) -> Found:
    """Try configurations; unweighted average recall on what none was trained on decides.

    Where there is nothing to decide by, the first architecture's defaults are taken.

    Args:
        folder: gets `predictions.csv`, if there is anything to decide by

    Returns:
        for JSON: run_id, split (its id), val_uar of the best trial, the trials, best first, the
        members' hyperparameters, and their temperature

    Raises:
        AvemoError: a search by several workers cannot go on
    """
    several = workers.count(settings)
    stage = runs.stage_name("search", task.modality)
    budget = settings.search.budget_of(task.modality)
    scratch = scratch_of(project, settings, task)
    note = scratch / NOTE
    resume = note.read_text(encoding="utf-8") if note.exists() else None
    if resume and not stopped.is_active(resume):
        shutil.rmtree(scratch)
        resume = None
    judged = judge(project, settings, task)
    with runs.run(project, settings, stage, task.modality, "search", resume=resume) as parent:
        run_id = parent.info.run_id
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(run_id, encoding="utf-8")
        mlflow.log_params(
            {
                "architectures": ", ".join(task.architectures),
                **budget.model_dump(),
                "budget": settings.search.budget,
                "performances": len(task.data),
            }
        )
        found: Found = {"run_id": run_id, "split": task.data.split, OBJECTIVE: None, "trials": []}
        if not judged.rounds:
            mlflow.set_tag("avemo.note", "fewer than two inner folds: defaults, nothing chosen")
            defaults = {"architecture": task.architectures[0]}
            return found | {"members": [defaults] * budget.members, "temperature": None}
        if resume:
            stopped.end_children(run_id)
        tuner = tuner_of(settings, task, judged, parent, scratch)
        several = min(several, budget.trials - len(tuner.completed))
        with tqdm(
            total=budget.trials * judged.rounds,
            initial=progress.finished(scratch).total(),
            desc=f"search {task.modality}",
            unit="fit",
        ) as bar:

            def show() -> None:
                if more := progress.finished(scratch).total() - bar.n:
                    bar.update(more)

            if several > 1:
                tuner.save()
                try:
                    workers.run(project, settings, task.modality, scratch, several, show)
                finally:
                    stopped.end_children(run_id)
                tuner.oracle.reload()
            else:
                tuner.search(show=show)
        trials = _summaries(tuner, run_id)
        found |= {OBJECTIVE: trials[0][OBJECTIVE], "trials": trials}
        found |= judged.chosen(trials, folder)
        mlflow.log_metric(f"best_{OBJECTIVE}", found[OBJECTIVE])
        mlflow.log_params({f"best.{k}": v for k, v in trials[0]["hyperparameters"].items()})
        mlflow.log_dict(found, "found.json")
    shutil.rmtree(scratch)
    return found


def scratch_of(project: Project, settings: Settings, task: Task) -> Path:
    """Where a search keeps what it goes on from."""
    return project.scratch / "search" / task.modality / identity(project, settings, task)


def tuner_of(settings: Settings, task: Task, judged: ByFolds, parent: Any, scratch: Path) -> Tuner:
    """A search's tuner, which goes on from what is kept.

    Args:
        judged: what a configuration is worth
        parent: the search's run
        scratch: the search's folder
    """
    tags = {
        "avemo.stage": runs.stage_name("search", task.modality),
        "avemo.modality": task.modality,
    }
    return Tuner(
        task.networks(task.prepare(task.data.part("train"))),
        Oracle.of(settings, task.modality, scratch),
        parent=parent,
        judge=judged,
        tags=tags,
    )


def _summaries(tuner: Tuner, run_id: str) -> list[Found]:
    """The trials, best first."""
    done = runs.finished_trials(run_id)
    found = [
        {
            "run_id": done[trial.trial_id].info.run_id,
            "hyperparameters": trial.hyperparameters.values,
            OBJECTIVE: done[trial.trial_id].data.metrics[OBJECTIVE],
        }
        for trial in tuner.completed[: tuner.oracle.max_trials]
    ]
    return sorted(found, key=lambda trial: -trial[OBJECTIVE])
