"""A modality without a search result has no model, and each stage hands on the reason."""

from pathlib import Path

import pytest
from helpers.training_task import LINEAR, make_project, search_result, settings

from avemo.errors import AvemoError
from avemo.paths import Project
from avemo.records import CrossValidationResult, Skipped, TrainResult, read_or_skipped
from pipelines import crossvalidate, train

REASON = Skipped(reason="there are no expression_stats features")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = make_project(tmp_path)
    project.search("visual").mkdir(parents=True)
    return project


def test_the_reason_is_handed_on(project: Project) -> None:
    REASON.write(project.search_result("visual"))
    train.main(project, settings(), "visual")
    assert read_or_skipped(TrainResult, project.train_result("visual")) == REASON
    crossvalidate.main(project, settings(), "visual")
    result = read_or_skipped(CrossValidationResult, project.crossvalidation_result("visual"))
    assert result == REASON


def test_cross_validation_is_skipped_after_a_quick_search(project: Project) -> None:
    search_result([LINEAR]).write(project.search_result("visual"))
    crossvalidate.main(project, settings(), "visual")
    result = read_or_skipped(CrossValidationResult, project.crossvalidation_result("visual"))
    assert isinstance(result, Skipped)
    assert "search.budget is quick" in result.reason


def test_training_before_the_search_says_what_to_do(project: Project) -> None:
    with pytest.raises(AvemoError, match=r"there is no .*search\.json: run dvc repro"):
        train.main(project, settings(), "visual")
