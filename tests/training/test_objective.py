import mlflow
import pandas as pd
import pytest
from helpers.training_task import HEAD, LINEAR, dataset, searched, settings, task, tracked

from avemo.evaluation import calibration, metrics
from avemo.training import stacking as answers
from avemo.training.ensemble_selection import mean
from avemo.training.inner_cv import uar
from avemo.training.objective import OBJECTIVE, judge

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with tracked(tmp_path_factory.mktemp("project")) as made:
        yield made


def without(*parts):
    data = dataset()
    return task(data.where(~data.rows["part"].isin(parts)))


def test_a_configuration_is_worth_what_it_answers_on_the_inner_folds(project):
    judged = judge(project, settings(), task())
    steps = []
    found = judged(LINEAR, lambda: steps.append(1))
    assert len(steps) == judged.rounds == 2
    folds = [f"{OBJECTIVE}_fold_2", f"{OBJECTIVE}_fold_3"]
    assert set(found) == {OBJECTIVE, *folds, "val_log_loss"}
    assert found[OBJECTIVE] == pytest.approx(sum(found[fold] for fold in folds) / 2)
    answers = judged.folds.judged(LINEAR, 1)
    loss = metrics.log_loss(answers["true"], metrics.probabilities(answers))
    assert found["val_log_loss"] == pytest.approx(loss)


def test_what_is_kept_of_the_members(project):
    chosen = settings()
    found = searched(project, chosen, task(), LINEAR, HEAD)
    folds = judge(project, chosen, task()).folds
    joint = mean([folds.judged(values, 1) for values in found["members"]])
    assert len(found["members"]) == 2
    assert found["temperature"] == pytest.approx(calibration.fit_temperature(joint))
    kept = pd.read_csv(project.search("audio") / answers.FILE)
    pd.testing.assert_frame_equal(kept, joint, atol=1e-6)
    assert set(kept["part"]) == {"valid", "train"}
    (run,) = mlflow.search_runs(experiment_names=["avemo/audio"], output_format="list")
    assert run.data.metrics[f"members_{OBJECTIVE}"] == pytest.approx(uar(joint))


@pytest.mark.parametrize(
    ("parts", "rounds"), [([], 2), (["test"], 2), (["test", "valid"], 0), (["valid"], 0)]
)
def test_how_many_fits_judge_a_configuration(project, parts, rounds):
    assert judge(project, settings(), without(*parts)).rounds == rounds
