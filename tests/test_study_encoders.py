"""The study of a second encoder chooses nothing on the fold that it tests."""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from avemo.config import load_settings
from avemo.evaluation.bootstrap import Bootstrap

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "study"))
encoders = import_module("encoders")

DRAW = np.random.default_rng(1)
LABELS = np.tile(np.arange(3), 24)
FOLDS = np.repeat([1, 2, 3, 4], 18)
FEATURES = {
    "whisper_stats": DRAW.normal(LABELS[:, None] / 4, 1, (72, 90)).astype("f"),
    "whisper_base_stats": DRAW.normal(LABELS[:, None] / 4, 3, (72, 120)).astype("f"),
}


@pytest.mark.slow
def test_a_fold_is_predicted_by_a_regression_on_the_others() -> None:
    columns = np.concatenate(list(FEATURES.values()), axis=1)
    answers = encoders.predict_nested(FEATURES, LABELS, FOLDS)["both"]
    for fold in (1, 4):
        train, tested = fold != FOLDS, fold == FOLDS
        regressions = [
            make_pipeline(
                StandardScaler(), LogisticRegression(C=penalty, class_weight="balanced")
            ).fit(columns[train], LABELS[train])
            for penalty in encoders.INVERSE_PENALTIES
        ]
        differences = [
            np.abs(regression.predict_proba(columns[tested]) - answers[tested]).max()
            for regression in regressions
        ]
        assert min(differences) < 1e-3


@pytest.mark.slow
def test_a_tested_fold_s_emotions_do_not_reach_its_answers() -> None:
    answers = encoders.predict_nested(FEATURES, LABELS, FOLDS)
    for fold in (2, 3):
        changed = np.where(fold == FOLDS, 2 - LABELS, LABELS)
        again = encoders.predict_nested(FEATURES, changed, FOLDS)
        for recipe, probabilities in answers.items():
            tested = fold == FOLDS
            np.testing.assert_allclose(again[recipe][tested], probabilities[tested], atol=1e-9)
            assert np.abs(again[recipe] - probabilities)[~tested].max() > 0.01


def test_the_page_has_the_kept_figures() -> None:
    page = (ROOT / "docs/explanation/extractors.md").read_text(encoding="utf-8")
    for row in encoders.compare(Bootstrap.from_settings(load_settings(ROOT))):
        assert f"| {' | '.join(row)} |" in page
