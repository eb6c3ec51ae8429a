"""Which architecture and hyperparameters: one Keras Tuner search a modality.

Each trial is a child of the search's run in MLflow. A killed search takes up where it was.
"""

import shutil
from pathlib import Path
from typing import Any

import keras_tuner
import mlflow
from tqdm import tqdm

from ..project import Project
from ..settings import Settings
from ..tracking import runs, stopped
from .judge import OBJECTIVE, Judge, judge
from .task import Task, identity

__all__ = ["search"]
Found = dict[str, Any]


def search(project: Project, settings: Settings, task: Task, folder: Path) -> Found:
    """Try configurations; unweighted average recall on what none was trained on decides.

    Where there is nothing to decide by, the first architecture's defaults are taken.

    Args:
        folder: gets `predictions.csv`, if the search is judged on folds

    Returns:
        for JSON: run_id, split (its id), val_uar of the best trial, the trials, best first, the
        members' hyperparameters, and their temperature
    """
    stage = runs.stage_of("search", task.modality)
    budget = settings.search.budget_of(task.modality)
    scratch = project.scratch / "search" / task.modality / identity(project, settings, task)
    note = scratch / "run"
    resume = note.read_text(encoding="utf-8") if note.exists() else None
    if resume and not stopped.known(resume):
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
                "judged_on": judged.name,
                "budget": settings.search.budget,
                "performances": len(task.data),
            }
        )
        found: Found = {"run_id": run_id, "split": task.data.split, OBJECTIVE: None, "trials": []}
        if not judged.rounds:
            mlflow.set_tag("avemo.note", "no validation performances: defaults, nothing chosen")
            defaults = {"architecture": task.architectures[0]}
            return found | {"members": [defaults] * budget.members, "temperature": None}
        if resume:
            stopped.end_children(run_id)
        tuner = _Tuner(
            task.networks(task.prepare(task.data.part("train"))),
            _Oracle(task.architectures, budget.trials, settings.seed),
            directory=scratch,
            parent=parent,
            judge=judged,
            tags={"avemo.stage": stage, "avemo.modality": task.modality},
        )
        done = len([one for one in tuner.oracle.trials.values() if one.status == "COMPLETED"])
        with tqdm(
            total=budget.trials * judged.rounds,
            initial=done * judged.rounds,
            desc=f"search {task.modality}",
            unit="fit",
        ) as bar:
            tuner.search(bar=bar)
        trials = [_summary(trial) for trial in tuner.oracle.get_best_trials(budget.trials)]
        found |= {OBJECTIVE: trials[0][OBJECTIVE], "trials": trials}
        found |= judged.chosen(trials, folder)
        mlflow.log_metric(f"best_{OBJECTIVE}", found[OBJECTIVE])
        mlflow.log_params({f"best.{k}": v for k, v in trials[0]["hyperparameters"].items()})
        mlflow.log_dict(found, "found.json")
    shutil.rmtree(scratch)
    return found


class _Oracle(keras_tuner.oracles.RandomSearchOracle):  # type: ignore[misc]
    """Each architecture with its defaults first, then at random."""

    def __init__(self, architectures: list[str], trials: int, seed: int) -> None:
        super().__init__(
            keras_tuner.Objective(OBJECTIVE, "max"),
            max_trials=trials,
            seed=seed,
            max_retries_per_trial=0,
        )
        self.architectures = architectures

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """What the next trial is."""
        number = int(trial_id)
        if number >= len(self.architectures):
            found: dict[str, Any] = super().populate_space(trial_id)
            return found
        hp = keras_tuner.HyperParameters()
        for one in self.hyperparameters.space:
            hp.merge([one])
            if one.name == "architecture":
                hp.values["architecture"] = self.architectures[number]
            elif hp.is_active(one):
                hp.values[one.name] = one.default
        return {"status": "RUNNING", "values": hp.values}


class _Tuner(keras_tuner.Tuner):  # type: ignore[misc]
    """Runs each trial as a child run.

    Args:
        parent: the search's run
        judge: what a configuration is worth
        tags: of each child
    """

    def __init__(
        self,
        networks: Any,
        oracle: _Oracle,
        *,
        directory: Path,
        parent: Any,
        judge: Judge,
        tags: dict[str, str],
    ) -> None:
        self.parent = parent
        self.judge = judge
        self.tags = tags
        super().__init__(
            oracle, networks, directory=str(directory), project_name="trials", overwrite=False
        )
        oracle.verbose = 0

    def run_trial(self, trial: Any, *, bar: Any) -> dict[str, float]:
        """Judge one configuration."""
        model = self._try_build(trial.hyperparameters)
        values = trial.hyperparameters.values
        name = f"trial {trial.trial_id} {values['architecture']}"
        try:
            with runs.child(self.parent, name, self.tags) as child:
                mlflow.log_params({**values, "parameters": model.count_params()})
                found = self.judge(values, bar.update)
                # as a last step, so that the UI's table shows what the search compares
                mlflow.log_metrics(found, step=10_000)
                trial.message = child.info.run_id
        except Exception as error:
            # a trial that breaks is a fault to be mended, not a configuration that did badly
            raise keras_tuner.errors.FatalError(str(error)) from error
        bar.set_postfix({OBJECTIVE: f"{found[OBJECTIVE]:.3f}"})
        return found


def _summary(trial: Any) -> Found:
    return {
        "run_id": trial.message,
        "hyperparameters": trial.hyperparameters.values,
        OBJECTIVE: trial.score,
    }
