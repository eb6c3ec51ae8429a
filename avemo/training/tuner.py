"""A search's two halves, after Keras Tuner: the oracle draws trials, the tuner runs them.

Both may be killed at any time. The oracle's state in the search's folder is where the next one
resumes, in one process or with several workers.
"""

import hashlib
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras_tuner
import mlflow
from keras_tuner.engine.trial import Trial

from ..io import atomic_write
from ..modalities import Modality
from ..models.hypermodel import Architectures
from ..paths import Project
from ..settings import Settings
from ..tracking import resume, runs
from . import progress
from .objective import OBJECTIVE, CrossValidationObjective
from .progress import TRIALS
from .task import TrainingTask, fingerprint

if TYPE_CHECKING:
    from mlflow.entities import Run

__all__ = ["RUN_ID", "Oracle", "Tuner", "create_tuner", "scratch_folder"]

#: file in the search's folder: the id of its run
RUN_ID = "run"

#: as Keras Tuner has it: JSON of its own format
State = dict[str, Any]


class Oracle(keras_tuner.oracles.RandomSearchOracle):  # type: ignore[misc]
    """Draws each architecture with its defaults first, then at random, one architecture in turn.

    Trials are drawn in the order of their numbers and from the seed alone, so that they are the
    same in one process and in several, resumed or not.

    Args:
        trials: how many
        seed: of the random draws
        sampling_order: the architectures in the order of the turns; those outside the search space
            are left out, and where none remains, every architecture has its turn
        scratch: the search's folder
        workers_survive_restart: whether those who run trials live on when the oracle is restarted
    """

    trials: dict[str, Trial]

    def __init__(
        self,
        trials: int,
        seed: int,
        sampling_order: list[str],
        scratch: Path,
        *,
        workers_survive_restart: bool = False,
    ) -> None:
        super().__init__(
            keras_tuner.Objective(OBJECTIVE, "max"),
            max_trials=trials,
            seed=seed,
            max_retries_per_trial=0,
        )
        self.verbose = 0
        self.sampling_order = sampling_order
        self.scratch = scratch
        self.workers_survive_restart = workers_survive_restart
        self._set_project_dir(scratch, TRIALS)

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        modality: Modality,
        scratch: Path,
        *,
        workers_survive_restart: bool = False,
    ) -> "Oracle":
        """Return the oracle that params.yaml describes."""
        return cls(
            settings.search.budget_of(modality).trials,
            settings.seed,
            settings.search.of(modality).sampling_order,
            scratch,
            workers_survive_restart=workers_survive_restart,
        )

    def populate_space(self, trial_id: str) -> State:
        """Return status and hyperparameters of the next trial."""
        number = int(trial_id)
        space = self.hyperparameters.space
        architectures = next(
            parameter.values for parameter in space if parameter.name == "architecture"
        )
        if number >= len(architectures):
            turns = [name for name in self.sampling_order if name in architectures]
            turns = turns or architectures
            return self._draw(trial_id, turns[(number - len(architectures)) % len(turns)])
        hp = keras_tuner.HyperParameters()
        for parameter in space:
            hp.merge([parameter])
            if parameter.name == "architecture":
                hp.values["architecture"] = architectures[number]
            elif hp.is_active(parameter):
                hp.values[parameter.name] = parameter.default
        return {"status": "RUNNING", "values": hp.values}

    def _draw(self, trial_id: str, architecture: str) -> State:
        """Draw a configuration of one architecture that was not tried."""
        while True:
            drawn: State = super().populate_space(trial_id)
            if not drawn["values"] or drawn["values"]["architecture"] == architecture:
                return drawn

    @keras_tuner.synchronized  # type: ignore[untyped-decorator]
    def end_trial(self, trial: Trial) -> None:
        """Record a worker's result; the hyperparameters are the oracle's own, unchanged by gRPC."""
        trial.hyperparameters = self.trials[trial.trial_id].hyperparameters
        super().end_trial(trial)

    def save(self) -> None:
        """Write all but the trials."""
        _write(Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial: Trial) -> None:
        _write(Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state())

    def reload(self) -> None:
        """Resume from what was written, if anything was.

        A running trial stays with its worker if that one lives; otherwise it is the first to be
        handed out.
        """
        if not Path(self._get_oracle_fname()).exists():
            return
        super().reload()
        # a trial written just before a kill was handed to no worker, and is drawn again
        self.trials = {trial_id: self.trials[trial_id] for trial_id in self.start_order}
        unfinished = {
            trial_id: trial for trial_id, trial in self.trials.items() if trial.status == "RUNNING"
        }
        if self.workers_survive_restart:
            ongoing = {
                tuner: unfinished.get(trial_id) for tuner, trial_id in self._trial_of_tuner.items()
            }
            self.ongoing_trials = {tuner: trial for tuner, trial in ongoing.items() if trial}
        running = {trial.trial_id for trial in self.ongoing_trials.values()}
        # Keras Tuner takes from the end of the queue
        self._retry_queue = [name for name in reversed(unfinished) if name not in running]

    def set_state(self, state: State) -> None:
        """Take over what `save` wrote."""
        super().set_state(state)
        self._trial_of_tuner: dict[str, str] = state["ongoing_trials"]


class Tuner(keras_tuner.Tuner):  # type: ignore[misc]
    """Runs each trial as a child of the search's run, and records its progress in the folder.

    Args:
        hypermodel: the search space
        oracle: in a worker, a stand-in for the chief's
        parent: the search's run
        cross_validation: what the search maximises
    """

    def __init__(
        self,
        hypermodel: Architectures,
        oracle: Oracle,
        *,
        parent: "Run",
        cross_validation: CrossValidationObjective,
    ) -> None:
        self.parent = parent
        self.cross_validation = cross_validation
        self.tags = {
            "avemo.stage": runs.stage_name("search", hypermodel.modality),
            "avemo.modality": hypermodel.modality,
        }
        super().__init__(
            oracle, hypermodel, directory=str(oracle.scratch), project_name=TRIALS, overwrite=False
        )
        if not self._is_worker():
            oracle.reload()

    def save(self) -> None:
        """Write the oracle's state; the tuner has none."""
        if not self._is_worker():
            self.oracle.save()

    @property
    def completed(self) -> list[Trial]:
        """The finished trials, in the order of their numbers."""
        return [trial for trial in self.oracle.trials.values() if trial.status == "COMPLETED"]

    def run_trial(self, trial: Trial, *, on_fit: Callable[[], None]) -> dict[str, float]:
        """Evaluate one configuration, and return its figures by name.

        Args:
            trial: Keras Tuner's
            on_fit: called after each fit
        """
        folder = Path(self.get_trial_dir(trial.trial_id))
        # as it was drawn: gRPC adds hyperparameters of other architectures to what a worker gets
        hyperparameters = Trial.load(folder / "trial.json").hyperparameters
        model = self._try_build(hyperparameters)
        configuration = hyperparameters.values
        name = f"trial {trial.trial_id} {configuration['architecture']}"
        numbers = itertools.count(1)

        def record_fit() -> None:
            progress.record_fit(folder, next(numbers), self.tuner_id)
            on_fit()

        resume.end_trial(self.parent.info.run_id, trial.trial_id)
        tags = {runs.TRIAL: trial.trial_id, "avemo.worker": self.tuner_id}
        try:
            with runs.child(self.parent, name, self.tags | tags):
                mlflow.log_params({**configuration, "parameters": model.count_params()})
                figures = self.cross_validation.evaluate(configuration, record_fit)
                # as the last step, so that MLflow's table shows what the search compares
                mlflow.log_metrics(figures, step=10_000)
        except Exception as error:
            # a trial that fails is a fault to mend, not a configuration of low recall
            raise keras_tuner.errors.FatalError(str(error)) from error
        return figures


def _write(file: Path, state: State) -> None:
    with atomic_write(file) as beside:
        beside.write_text(json.dumps(state), encoding="utf-8")


def scratch_folder(project: Project, settings: Settings, task: TrainingTask) -> Path:
    """Return the folder that a killed search resumes from.

    A search with another budget has another folder: MLflow lets no parameter of a run change.
    """
    budget = settings.search.budget_of(task.modality).model_dump()
    contents = [fingerprint(project, settings, task), settings.search.budget, budget]
    name = hashlib.sha256(json.dumps(contents).encode()).hexdigest()[:12]
    return project.scratch / "search" / task.modality / name


def create_tuner(
    settings: Settings,
    task: TrainingTask,
    objective: CrossValidationObjective,
    parent: "Run",
    scratch: Path,
) -> Tuner:
    """Return a search's tuner, which resumes from its folder.

    Args:
        objective: what the search maximises
        parent: the search's run
        scratch: the search's folder
    """
    return Tuner(
        task.hypermodel(task.fit_preprocessors(task.data.part("train"))),
        Oracle.from_settings(settings, task.modality, scratch),
        parent=parent,
        cross_validation=objective,
    )
