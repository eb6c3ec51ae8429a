"""Which architecture and hyperparameters: one Keras Tuner search a modality.

Each trial is a child of the search's run in MLflow. A killed search takes up where it was.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import mlflow
from tqdm import tqdm

from ..project import Project
from ..settings import Settings
from ..tracking import runs
from .fit import deterministic, fit
from .task import Task

__all__ = ["search"]

OBJECTIVE = "val_uar"

Found = dict[str, Any]

#: what a trial's outcome depends on besides data and settings
_CODE = (Path(__file__).parent, Path(__file__).parents[1] / "models")


def search(project: Project, settings: Settings, task: Task) -> Found:
    """Try configurations; the validation part's unweighted average recall decides.

    Without a validation part nothing can be chosen, and the first architecture's defaults are
    taken.

    Returns:
        for JSON: run_id, split (its id), best (hyperparameters, val_uar) and the trials
    """
    modality = task.modality
    stage = runs.stage_of("search", modality)
    chosen = getattr(settings.search, modality)
    train, valid = task.examples("train"), task.examples("valid")
    scratch = project.scratch / "search" / modality / _identity(project, settings, task)
    note = scratch / "run"
    resume = note.read_text(encoding="utf-8") if note.exists() else None
    if resume and not _known(resume):
        shutil.rmtree(scratch)
        resume = None
    with runs.run(project, settings, stage, modality, "search", resume=resume) as parent:
        run_id = parent.info.run_id
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(run_id, encoding="utf-8")
        mlflow.log_params(
            {
                "architectures": ", ".join(chosen.architectures),
                "trials": chosen.trials if valid else 1,
                "epochs": chosen.epochs,
                "train_performances": len(task.data.part("train")),
                "valid_performances": len(task.data.part("valid")),
            }
        )
        if valid is None:
            mlflow.set_tag("avemo.note", "no validation performances: defaults, nothing chosen")
            best = {"hyperparameters": {"architecture": chosen.architectures[0]}, "val_uar": None}
            return {"run_id": run_id, "split": task.data.split, "best": best, "trials": []}
        if resume:
            _end_unfinished(run_id)
        tuner = _Tuner(
            task.hypermodel,
            _Oracle(chosen.architectures, chosen.trials, settings.seed),
            directory=scratch,
            parent=parent.info,
            tags={"avemo.stage": stage, "avemo.modality": modality},
        )
        done = len([one for one in tuner.oracle.trials.values() if one.status == "COMPLETED"])
        with tqdm(
            total=chosen.trials * chosen.epochs,
            initial=done * chosen.epochs,
            desc=f"search {modality}",
            unit="epoch",
            mininterval=1,
        ) as bar:
            tuner.search(
                train=train,
                valid=valid,
                bar=bar,
                seed=settings.seed,
                epochs=chosen.epochs,
                patience=settings.training.patience,
                batch_size=settings.training.batch_size,
            )
        trials = [_summary(trial) for trial in tuner.oracle.get_best_trials(chosen.trials)]
        mlflow.log_metric(f"best_{OBJECTIVE}", trials[0][OBJECTIVE])
        mlflow.log_params({f"best.{k}": v for k, v in trials[0]["hyperparameters"].items()})
    shutil.rmtree(scratch)
    return {"run_id": run_id, "split": task.data.split, "best": trials[0], "trials": trials}


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
        tags: of each child
    """

    def __init__(
        self,
        hypermodel: Any,
        oracle: _Oracle,
        *,
        directory: Path,
        parent: Any,
        tags: dict[str, str],
    ) -> None:
        self.parent = parent
        self.tags = tags
        super().__init__(
            oracle, hypermodel, directory=str(directory), project_name="trials", overwrite=False
        )
        oracle.verbose = 0

    def run_trial(
        self, trial: Any, *, train: Any, valid: Any, bar: Any, seed: int, **fitting: Any
    ) -> dict[str, float]:
        """Fit one configuration; the best epoch is the one with the lowest validation loss."""
        values = trial.hyperparameters.values
        deterministic(seed)
        model = self._try_build(trial.hyperparameters)
        before = bar.n
        try:
            with mlflow.start_run(
                experiment_id=self.parent.experiment_id,
                run_name=f"trial {trial.trial_id} {values['architecture']}",
                nested=True,
                parent_run_id=self.parent.run_id,
                tags=self.tags,
            ) as child:
                mlflow.log_params({**values, "parameters": model.count_params()})
                history = fit(model, train, valid, callbacks=[_Progress(bar)], **fitting)
                runs.log_epochs(history)
                best = history.iloc[int(history["val_loss"].argmin())]
                metrics = {
                    OBJECTIVE: float(best["val_uar"]),
                    "best_val_loss": float(best["val_loss"]),
                    "best_epoch": float(best["epoch"]),
                }
                # as the last step too, so that the UI's table shows what the search compares
                mlflow.log_metrics(metrics, step=len(history) + 1)
                trial.message = child.info.run_id
        except Exception as error:
            # a trial that breaks is a fault to be mended, not a configuration that did badly
            raise keras_tuner.errors.FatalError(str(error)) from error
        bar.update(before + fitting["epochs"] - bar.n)
        return metrics


class _Progress(keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self, bar: Any) -> None:
        super().__init__()
        self.bar = bar

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.bar.update()
        figures = {name: f"{value:.2f}" for name, value in (logs or {}).items() if "uar" in name}
        self.bar.set_postfix(figures, refresh=False)


def _summary(trial: Any) -> Found:
    return {
        "run_id": trial.message,
        "hyperparameters": trial.hyperparameters.values,
        OBJECTIVE: trial.score,
    }


def _identity(project: Project, settings: Settings, task: Task) -> str:
    """What the trials depend on: those of another search must not be taken for this one's."""
    chosen = getattr(settings.search, task.modality)
    code = [file.read_text("utf-8") for folder in _CODE for file in sorted(folder.rglob("*.py"))]
    facts = [
        code,
        settings.seed,
        chosen.model_dump(),
        settings.training.model_dump(),
        task.data.descriptions,
        task.data.rows.to_csv(),
        runs.data(project, runs.stage_of("search", task.modality)),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


def _known(run_id: str) -> bool:
    try:
        mlflow.get_run(run_id)
    except mlflow.MlflowException:
        return False
    return True


def _end_unfinished(parent: str) -> None:
    """The trial that was under way when the search was killed will be run again."""
    client = mlflow.MlflowClient()
    experiment = client.get_run(parent).info.experiment_id
    own = f"tags.mlflow.parentRunId = '{parent}' and attributes.status = 'RUNNING'"
    for child in client.search_runs([experiment], own):
        client.set_terminated(child.info.run_id, "KILLED")
