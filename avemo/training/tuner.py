"""A search's two halves, after Keras Tuner: the oracle says what is tried, the tuner tries it.

Both may be killed at any time. What the oracle keeps in the search's folder is where the next goes
on, in one process or with several workers.
"""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner
import mlflow

from ..io import atomic_write
from ..settings import Settings
from ..tracking import resume, runs
from . import progress
from .objective import OBJECTIVE, ByFolds
from .progress import TRIALS

__all__ = ["Oracle", "Tuner"]


class Oracle(keras_tuner.oracles.RandomSearchOracle):  # type: ignore[misc]
    """Each architecture with its defaults first, then at random, of one architecture in turn.

    Trials are drawn in the order of their numbers and from the seed alone, so that they are the
    same whoever runs them, and however they do.

    Args:
        trials: how many
        seed: of what is drawn
        draws: the architectures in the order of the turns; those that the space has not are left
            out, and where none is left, each has its turn
        scratch: the search's folder
        outlived: whether those who run trials live on when it dies
    """

    trials: dict[str, Any]

    def __init__(
        self,
        trials: int,
        seed: int,
        draws: list[str],
        scratch: Path,
        *,
        outlived: bool = False,
    ) -> None:
        super().__init__(
            keras_tuner.Objective(OBJECTIVE, "max"),
            max_trials=trials,
            seed=seed,
            max_retries_per_trial=0,
        )
        self.verbose = 0
        self.draws = draws
        self.scratch = scratch
        self.outlived = outlived
        self._set_project_dir(scratch, TRIALS)

    @classmethod
    def of(cls, settings: Settings, modality: str, scratch: Path, **more: bool) -> "Oracle":
        """The one that params.yaml asks for."""
        budget = settings.search.budget_of(modality)
        draws = getattr(settings.search, modality).draws
        return cls(budget.trials, settings.seed, draws, scratch, **more)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """What the next trial is."""
        number = int(trial_id)
        space = self.hyperparameters.space
        architectures = next(one.values for one in space if one.name == "architecture")
        if number >= len(architectures):
            turns = [name for name in self.draws if name in architectures] or architectures
            return self._drawn(trial_id, turns[(number - len(architectures)) % len(turns)])
        hp = keras_tuner.HyperParameters()
        for one in space:
            hp.merge([one])
            if one.name == "architecture":
                hp.values["architecture"] = architectures[number]
            elif hp.is_active(one):
                hp.values[one.name] = one.default
        return {"status": "RUNNING", "values": hp.values}

    def _drawn(self, trial_id: str, architecture: str) -> dict[str, Any]:
        """A configuration at random that was not tried, of one architecture."""
        while True:
            found: dict[str, Any] = super().populate_space(trial_id)
            if not found["values"] or found["values"]["architecture"] == architecture:
                return found

    @keras_tuner.synchronized  # type: ignore[untyped-decorator]
    def end_trial(self, trial: Any) -> None:
        """Take a worker's word for how it went, not for what was tried: that came by wire."""
        trial.hyperparameters = self.trials[trial.trial_id].hyperparameters
        super().end_trial(trial)

    def save(self) -> None:
        """Keep all but the trials."""
        _write(Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial: Any) -> None:
        _write(Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state())

    def reload(self) -> None:
        """Go on from what was kept, if anything was.

        A trial under way stays with the worker that has it, if that one lives; otherwise it is the
        first to be handed out.
        """
        if not Path(self._get_oracle_fname()).exists():
            return
        super().reload()
        # one that was kept just before a kill was handed to nobody, and is drawn again
        self.trials = {name: self.trials[name] for name in self.start_order}
        unfinished = {name: one for name, one in self.trials.items() if one.status == "RUNNING"}
        if self.outlived:
            still = {tuner: unfinished.get(name) for tuner, name in self._under_way.items()}
            self.ongoing_trials = {tuner: trial for tuner, trial in still.items() if trial}
        held = {trial.trial_id for trial in self.ongoing_trials.values()}
        # taken from its end
        self._retry_queue = [name for name in reversed(unfinished) if name not in held]

    def set_state(self, state: dict[str, Any]) -> None:
        """Take over what `save` kept."""
        super().set_state(state)
        self._under_way: dict[str, str] = state["ongoing_trials"]


class Tuner(keras_tuner.Tuner):  # type: ignore[misc]
    """Runs each trial as a child of the search's run, and the progress of it goes to the folder.

    Args:
        networks: what is searched
        oracle: in a worker, what stands for the chief's
        parent: the search's run
        judge: what a configuration is worth
        tags: of each child
    """

    def __init__(
        self, networks: Any, oracle: Oracle, *, parent: Any, judge: ByFolds, tags: dict[str, str]
    ) -> None:
        self.parent = parent
        self.judge = judge
        self.tags = tags
        super().__init__(
            oracle, networks, directory=str(oracle.scratch), project_name=TRIALS, overwrite=False
        )
        if not self._is_worker():
            oracle.reload()

    def save(self) -> None:
        """Only the oracle has anything to be kept."""
        if not self._is_worker():
            self.oracle.save()

    @property
    def completed(self) -> list[Any]:
        """The trials that are finished, in the order of their numbers."""
        return [trial for trial in self.oracle.trials.values() if trial.status == "COMPLETED"]

    def run_trial(self, trial: Any, *, show: Callable[[], None]) -> dict[str, float]:
        """Judge one configuration; calls `show` after each fit."""
        model = self._try_build(trial.hyperparameters)
        values = trial.hyperparameters.values
        name = f"trial {trial.trial_id} {values['architecture']}"
        folder = Path(self.get_trial_dir(trial.trial_id))
        fits = itertools.count(1)

        def step() -> None:
            progress.add(folder, next(fits), self.tuner_id)
            show()

        resume.end_trial(self.parent.info.run_id, trial.trial_id)
        tags = {runs.TRIAL: trial.trial_id, "avemo.worker": self.tuner_id}
        try:
            with runs.child(self.parent, name, self.tags | tags):
                mlflow.log_params({**values, "parameters": model.count_params()})
                found = self.judge(values, step)
                # as a last step, so that the UI's table shows what the search compares
                mlflow.log_metrics(found, step=10_000)
        except Exception as error:
            # a trial that breaks is a fault to be mended, not a configuration that did badly
            raise keras_tuner.errors.FatalError(str(error)) from error
        return found


def _write(file: Path, state: dict[str, Any]) -> None:
    with atomic_write(file) as beside:
        beside.write_text(json.dumps(state), encoding="utf-8")
