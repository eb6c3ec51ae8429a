"""Logistic regression on two encoders' statistics, which have more columns than there are clips."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from avemo.models.architecture import load_architecture
from avemo.models.hypermodel import Architectures
from avemo.models.preprocessing import SequencePreprocessor
from avemo.records import Configuration

pytestmark = pytest.mark.slow  # imports TensorFlow

CLASSES = ["neutral", "happy", "sad", "angry"]
COLUMNS = {"whisper_stats": 60, "whisper_base_stats": 90}


@pytest.mark.parametrize("name", ["whisper_logistic", "whisper_both_logistic"])
def test_the_network_answers_as_the_regression(name: str) -> None:
    draw = np.random.default_rng(1)
    labels = np.repeat(range(4), [9, 18, 9, 14])
    features = {
        feature: draw.normal(labels[:, None] / 3, 2, (len(labels), columns)).astype("f")
        for feature, columns in COLUMNS.items()
        if feature in load_architecture("audio", name).inputs
    }
    configuration: Configuration = {"architecture": name, f"{name}/inverse_penalty": 0.01}
    preprocessors = {
        feature: SequencePreprocessor.unscaled(columns) for feature, columns in COLUMNS.items()
    }
    hypermodel = Architectures("audio", [name], preprocessors, {}, classes=CLASSES)
    network = hypermodel.build_from(configuration)
    assert set(network.input) == set(features)
    solver = hypermodel.solver_for(configuration)
    assert solver is not None
    inputs = {feature: rows[:, None] for feature, rows in features.items()}
    solver(network, inputs, labels)

    columns = np.concatenate(list(features.values()), axis=1)
    regression = LogisticRegression(C=0.01, class_weight="balanced", max_iter=1000)
    expected = make_pipeline(StandardScaler(), regression).fit(columns, labels)
    new = {feature: rows[::-1] + 1 for feature, rows in inputs.items()}
    answers = np.asarray(network(new))
    np.testing.assert_allclose(answers, expected.predict_proba(columns[::-1] + 1), atol=1e-3)
