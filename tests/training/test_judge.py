import mlflow
import pandas as pd
import pytest
from made_task import HEAD, LINEAR, dataset, searched, settings, task, tracked

from avemo.evaluation import calibration, metrics
from avemo.training import answers
from avemo.training.folds import uar
from avemo.training.judge import OBJECTIVE, ByFolds, ByPart, judge
from avemo.training.members import mean

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
    assert isinstance(judged, ByFolds)
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
    assert found["temperature"] == pytest.approx(calibration.fit(joint))
    kept = pd.read_csv(project.search("audio") / answers.FILE)
    pd.testing.assert_frame_equal(kept, joint, atol=1e-6)
    assert set(kept["part"]) == {"valid", "train"}
    (run,) = mlflow.search_runs(experiment_names=["avemo/audio"], output_format="list")
    assert run.data.metrics[f"members_{OBJECTIVE}"] == pytest.approx(uar(joint))


@pytest.mark.parametrize(
    ("judged_on", "parts", "rounds"),
    [
        ("folds", [], 2),
        ("folds", ["test"], 2),
        ("folds", ["test", "valid"], 0),
        ("folds", ["valid"], 0),
        ("part", [], 1),
        ("part", ["valid"], 0),
    ],
)
def test_how_many_fits_judge_a_configuration(project, judged_on, parts, rounds):
    chosen = settings(judged_on, members=1)
    assert judge(project, chosen, without(*parts)).rounds == rounds


def test_a_configuration_is_worth_what_it_answers_on_the_validation_part(project):
    judged = judge(project, settings("part", members=1, epochs=4), task())
    assert isinstance(judged, ByPart)
    steps = []
    with mlflow.start_run(experiment_id=mlflow.create_experiment("alone")) as run:
        found = judged(LINEAR, lambda: steps.append(1))
    assert len(steps) == 1
    assert set(found) == {OBJECTIVE, "best_val_loss", "best_epoch"}
    client = mlflow.MlflowClient()
    losses = {one.step: one.value for one in client.get_metric_history(run.info.run_id, "val_loss")}
    assert losses[int(found["best_epoch"])] == found["best_val_loss"] == min(losses.values())


def test_of_one_fit_the_best_trial_is_taken(project, tmp_path):
    judged = judge(project, settings("part", members=1), task())
    tried = [{"hyperparameters": values} for values in (HEAD, LINEAR)]
    assert judged.chosen(tried, tmp_path) == {"members": [HEAD], "temperature": None}
    assert list(tmp_path.iterdir()) == []
