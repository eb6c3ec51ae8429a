"""What is tried depends on the seed alone: not on who runs it, nor on who is killed when."""

from pathlib import Path

import keras_tuner
import pytest

from avemo.training.objective import OBJECTIVE
from avemo.training.tuner import Oracle

TRIALS = 6


def oracle(folder, draws=(), **options):
    """Of a search among two architectures, which goes on from what is kept."""
    made = Oracle(TRIALS, 20, draws, folder, **options)
    hp = keras_tuner.HyperParameters()
    hp.Choice("architecture", ["one", "other"])
    hp.Float("rate", 3e-4, 3e-3, sampling="log", default=1e-3)
    hp.Choice("width", [32, 64, 128], default=64)
    made.update_space(hp)
    made.reload()
    return made


def end(oracle, trial):
    oracle.update_trial(trial.trial_id, {OBJECTIVE: 0.5})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


def drawn(oracle, tuners=("tuner0",)):
    """Every trial's configuration, run by several in turn."""
    while True:
        trials = [oracle.create_trial(tuner) for tuner in tuners]
        if any(trial.status == "STOPPED" for trial in trials):
            return {name: dict(one.hyperparameters.values) for name, one in oracle.trials.items()}
        for trial in trials:
            end(oracle, trial)


@pytest.fixture
def alone(tmp_path):
    return drawn(oracle(tmp_path / "alone"))


def test_each_architecture_with_its_defaults_then_at_random(alone):
    assert list(alone) == [str(number) for number in range(TRIALS)]
    defaults = {"rate": 1e-3, "width": 64}
    assert alone["0"] == {"architecture": "one"} | defaults
    assert alone["1"] == {"architecture": "other"} | defaults
    assert len({str(values) for values in alone.values()}) == TRIALS


@pytest.mark.parametrize(
    ("draws", "expected"),
    [
        (["other"], ["other"] * 4),
        (["one", "other", "other"], ["one", "other", "other", "one"]),
        (["other", "third"], ["other"] * 4),
        (["third"], ["one", "other", "one", "other"]),
    ],
)
def test_what_is_drawn_takes_turns(tmp_path, draws, expected):
    found = drawn(oracle(tmp_path, draws=draws))
    assert [one["architecture"] for one in found.values()] == ["one", "other", *expected]
    assert len({str(values) for values in found.values()}) == TRIALS


@pytest.mark.parametrize("workers", [2, 3])
def test_the_same_for_several_workers(alone, tmp_path, workers):
    tuners = [f"tuner{number}" for number in range(workers)]
    assert drawn(oracle(tmp_path / "several"), tuners) == alone


def test_what_came_by_wire_does_not_change_what_was_tried(alone, tmp_path):
    several = oracle(tmp_path / "several")
    trial = several.create_trial("tuner0")
    several.update_trial(trial.trial_id, {OBJECTIVE: 0.5})
    sent = trial.from_proto(trial.to_proto())
    sent.status = "COMPLETED"
    several.end_trial(sent)
    assert list(several.trials["0"].hyperparameters.values) == list(alone["0"])
    assert drawn(several) == alone


@pytest.mark.parametrize("outlived", [False, True])
def test_after_a_kill(alone, tmp_path, outlived):
    before = oracle(tmp_path / "killed")
    first, second, third = (before.create_trial(f"tuner{number}") for number in range(3))
    end(before, second)
    after = oracle(tmp_path / "killed", outlived=outlived)
    if outlived:  # each has the trial that it had
        assert after.create_trial("tuner2").trial_id == third.trial_id
        assert after.create_trial("tuner0").trial_id == first.trial_id
    else:  # the first that asks gets the first
        assert after.create_trial("tuner2").trial_id == first.trial_id
        assert after.create_trial("tuner0").trial_id == third.trial_id
    assert after.create_trial("tuner1").trial_id == "3"
    end(after, first)
    end(after, third)
    assert drawn(after, ["tuner1"]) == alone


def test_a_trial_that_was_kept_but_handed_to_nobody(alone, tmp_path):
    before = oracle(tmp_path / "killed")
    for _ in range(3):
        end(before, before.create_trial("tuner0"))
    before.save = lambda: None  # killed right before
    before.create_trial("tuner0")
    assert drawn(oracle(tmp_path / "killed"), ["tuner0", "tuner1"]) == alone


def test_a_kill_while_writing_leaves_what_was(alone, tmp_path, monkeypatch):
    before = oracle(tmp_path / "killed")
    end(before, before.create_trial("tuner0"))

    def torn(file, text, **options):
        file.write_bytes(text[:10].encode())
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", torn)
    with pytest.raises(KeyboardInterrupt):
        before.create_trial("tuner0")
    monkeypatch.undo()
    assert drawn(oracle(tmp_path / "killed")) == alone
