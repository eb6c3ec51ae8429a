"""A table of predictions is what its schema says, or is refused in one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.training_task import dataset

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.errors import AvemoError
from avemo.evaluation.predictions import (
    check_predictions,
    predictions_frame,
    read_predictions,
    write_predictions,
)


@pytest.fixture
def predictions() -> pd.DataFrame:
    """Of every performance, in 32 bits, as a network gives them."""
    data = dataset()
    scores = np.random.default_rng(1).random((len(data), len(EMOTIONS)), dtype=np.float32)
    return predictions_frame(data, scores / scores.sum(axis=1, keepdims=True))


def test_a_file_tells_any_two_probabilities_apart(
    tmp_path: Path, predictions: pd.DataFrame
) -> None:
    write_predictions(tmp_path / "predictions.csv", predictions)
    read = read_predictions(tmp_path / "predictions.csv")
    assert read.columns.tolist() == predictions.columns.tolist()
    columns = [f"p_{emotion}" for emotion in EMOTIONS]
    np.testing.assert_array_equal(read[columns].astype(np.float32), predictions[columns])
    others = ["performance", "corpus", "actor", "sex", "fold", "part", "true"]
    pd.testing.assert_frame_equal(read[others], predictions[others])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"true": "joyful"}, "true: joyful"),
        ({"performance": "01-01-01-01-01-01"}, "performance: 01-01-01-01-01-01"),
        ({"part": "tested"}, "part: tested"),
        ({"fold": 1.5}, "fold: float64"),
        ({"p_sad": 1.5}, "sum to one"),
        ({"p_sad": np.nan}, "p_sad: nan|sum to one"),
    ],
)
def test_what_is_no_table_of_predictions_is_refused(
    predictions: pd.DataFrame, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        check_predictions(predictions.assign(**change))


def test_a_column_that_is_missing_is_named(predictions: pd.DataFrame, tmp_path: Path) -> None:
    check_predictions(predictions.drop(columns=["corpus", "actor", "sex", "part"]))
    predictions.drop(columns="fold").to_csv(tmp_path / "broken.csv", index=False)
    with pytest.raises(AvemoError, match=r"broken\.csv: predictions, None: fold .* dvc repro"):
        read_predictions(tmp_path / "broken.csv")
    predictions.drop(columns="p_calm").to_csv(tmp_path / "broken.csv", index=False)
    with pytest.raises(AvemoError, match=r"broken\.csv: .* probabilities of a row sum to one"):
        read_predictions(tmp_path / "broken.csv")
    with pytest.raises(AvemoError, match=r"there is no .*missing\.csv"):
        read_predictions(tmp_path / "missing.csv")
