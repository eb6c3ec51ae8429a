"""Logistic regression on action units: what scikit-learn fits is what the network answers."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from avemo.models.hypermodel import Architectures
from avemo.models.preprocessing import SequencePreprocessor
from avemo.records import Configuration

pytestmark = pytest.mark.slow  # imports TensorFlow

CLASSES = ["neutral", "happy", "sad", "angry"]


@pytest.mark.parametrize("present", [[0, 1, 2, 3], [1, 3]])
@pytest.mark.parametrize("square_root", [True, False])
def test_the_network_answers_as_the_regression(present: list[int], square_root: bool) -> None:
    draw = np.random.default_rng(1)
    labels = np.repeat(present, [9, 18, 9, 14][: len(present)])
    means = (draw.gamma(0.5, 1 + labels[:, None] / 3, (len(labels), 35))).astype("f")
    configuration: Configuration = {
        "architecture": "action_units",
        "action_units/square_root": square_root,
        "action_units/inverse_penalty": 0.3,
    }
    preprocessors = {"openface": SequencePreprocessor.unscaled(35)}
    hypermodel = Architectures("visual", ["action_units"], preprocessors, {}, classes=CLASSES)
    network = hypermodel.build_from(configuration)
    solver = hypermodel.solver_for(configuration)
    assert solver is not None
    solver(network, {"openface": means[:, None]}, labels)

    columns = np.sqrt(means) if square_root else means
    regression = LogisticRegression(C=0.3, class_weight="balanced", max_iter=1000)
    expected = make_pipeline(StandardScaler(), regression).fit(columns, labels)
    answers = np.asarray(network({"openface": means[:, None]}))
    np.testing.assert_allclose(answers[:, present], expected.predict_proba(columns), atol=1e-3)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
