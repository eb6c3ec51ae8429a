"""Trials depend on the seed single: not on who runs them, nor on who is killed when."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras_tuner
import pytest

from avemo.training.objective import OBJECTIVE
from avemo.training.tuner import Oracle

TRIALS = 6


def create_oracle(folder: Path, sampling_order: Sequence[str] = (), **options: bool) -> Oracle:
    """Of a search among two architectures, resumed from its folder."""
    oracle = Oracle(TRIALS, 20, list(sampling_order), folder, **options)
    hp = keras_tuner.HyperParameters()
    hp.Choice("architecture", ["one", "other"])
    hp.Float("rate", 3e-4, 3e-3, sampling="log", default=1e-3)
    hp.Choice("width", [32, 64, 128], default=64)
    oracle.update_space(hp)
    oracle.reload()
    return oracle


def end_trial(oracle: Oracle, trial: Any) -> None:
    oracle.update_trial(trial.trial_id, {OBJECTIVE: 0.5})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


def run_trials(oracle: Oracle, tuners: Sequence[str] = ("tuner0",)) -> dict[str, Any]:
    """Every trial's configuration, run by several tuners in turn."""
    while True:
        trials = [oracle.create_trial(tuner) for tuner in tuners]
        if any(trial.status == "STOPPED" for trial in trials):
            return {
                name: dict(trial.hyperparameters.values) for name, trial in oracle.trials.items()
            }
        for trial in trials:
            end_trial(oracle, trial)


@pytest.fixture
def single(tmp_path: Path) -> dict[str, Any]:
    return run_trials(create_oracle(tmp_path / "single"))


def test_each_architecture_with_its_defaults_then_at_random(single: dict[str, Any]) -> None:
    assert list(single) == [str(number) for number in range(TRIALS)]
    defaults = {"rate": 1e-3, "width": 64}
    assert single["0"] == {"architecture": "one"} | defaults
    assert single["1"] == {"architecture": "other"} | defaults
    assert len({str(values) for values in single.values()}) == TRIALS


@pytest.mark.parametrize(
    ("sampling_order", "expected"),
    [
        (["other"], ["other"] * 4),
        (["one", "other", "other"], ["one", "other", "other", "one"]),
        (["other", "third"], ["other"] * 4),
        (["third"], ["one", "other", "one", "other"]),
    ],
)
def test_architectures_take_turns(
    tmp_path: Path, sampling_order: list[str], expected: list[str]
) -> None:
    configurations = run_trials(create_oracle(tmp_path, sampling_order=sampling_order))
    names = [values["architecture"] for values in configurations.values()]
    assert names == ["one", "other", *expected]
    assert len({str(values) for values in configurations.values()}) == TRIALS


@pytest.mark.parametrize("workers", [2, 3])
def test_the_same_for_several_workers(single: dict[str, Any], tmp_path: Path, workers: int) -> None:
    tuners = [f"tuner{number}" for number in range(workers)]
    assert run_trials(create_oracle(tmp_path / "several"), tuners) == single


def test_a_result_over_grpc_does_not_change_the_trial(
    single: dict[str, Any], tmp_path: Path
) -> None:
    several = create_oracle(tmp_path / "several")
    trial = several.create_trial("tuner0")
    several.update_trial(trial.trial_id, {OBJECTIVE: 0.5})
    sent = trial.from_proto(trial.to_proto())
    sent.status = "COMPLETED"
    several.end_trial(sent)
    assert list(several.trials["0"].hyperparameters.values) == list(single["0"])
    assert run_trials(several) == single


@pytest.mark.parametrize("workers_survive_restart", [False, True])
def test_after_a_kill(
    single: dict[str, Any], tmp_path: Path, workers_survive_restart: bool
) -> None:
    before = create_oracle(tmp_path / "killed")
    first, second, third = (before.create_trial(f"tuner{number}") for number in range(3))
    end_trial(before, second)
    after = create_oracle(tmp_path / "killed", workers_survive_restart=workers_survive_restart)
    if workers_survive_restart:  # each keeps its trial
        assert after.create_trial("tuner2").trial_id == third.trial_id
        assert after.create_trial("tuner0").trial_id == first.trial_id
    else:  # the first tuner gets the first trial
        assert after.create_trial("tuner2").trial_id == first.trial_id
        assert after.create_trial("tuner0").trial_id == third.trial_id
    assert after.create_trial("tuner1").trial_id == "3"
    end_trial(after, first)
    end_trial(after, third)
    assert run_trials(after, ["tuner1"]) == single


def test_a_saved_trial_that_no_tuner_got(single: dict[str, Any], tmp_path: Path) -> None:
    before = create_oracle(tmp_path / "killed")
    for _ in range(3):
        end_trial(before, before.create_trial("tuner0"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(before, "save", lambda: None)  # killed right before
        before.create_trial("tuner0")
    assert run_trials(create_oracle(tmp_path / "killed"), ["tuner0", "tuner1"]) == single


def test_a_kill_while_writing_leaves_the_state_before(
    single: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = create_oracle(tmp_path / "killed")
    end_trial(before, before.create_trial("tuner0"))

    def write_half(file: Path, text: str, **options: Any) -> None:
        file.write_bytes(text[:10].encode())
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", write_half)
    with pytest.raises(KeyboardInterrupt):
        before.create_trial("tuner0")
    monkeypatch.undo()
    assert run_trials(create_oracle(tmp_path / "killed")) == single
