import json
import math

import pytest

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.errors import MediaError
from avemo.inference.prediction import Prediction

PROBABILITIES = {emotion: (index + 1) / 36 for index, emotion in enumerate(EMOTIONS)}


def test_the_likeliest_emotion_is_first() -> None:
    prediction = Prediction({"sad": 0.2, "calm": 0.7, "happy": 0.1})
    assert list(prediction.probabilities) == ["calm", "sad", "happy"]
    assert (prediction.emotion, prediction.probability) == ("calm", 0.7)


def test_a_clip_that_cannot_be_used_has_a_finding_and_no_emotion() -> None:
    prediction = Prediction.from_error(MediaError("silent", "nothing is heard"), ("b", "a"))
    assert (prediction.finding, prediction.reason) == ("silent", "nothing is heard")
    assert (prediction.emotion, prediction.classes) == ("", ("b", "a"))
    assert [name for name in prediction.to_row() if name.startswith("p_")] == ["p_b", "p_a"]
    assert math.isnan(prediction.probability)


@pytest.mark.parametrize(
    "prediction",
    [
        Prediction(PROBABILITIES, reason="no face"),
        Prediction(PROBABILITIES, unsure=True, emotions=("surprised", "disgust")),
        Prediction(finding="silent", reason="nothing", classes=EMOTIONS),
    ],
    ids=["an emotion", "not sure", "a finding"],
)
def test_a_row_keeps_what_the_model_says(prediction: Prediction) -> None:
    row = prediction.to_row()
    numbers = ["probability", *(f"p_{emotion}" for emotion in EMOTIONS)]
    columns = ["emotion", "probability", "unsure", "emotions", *numbers[1:], "finding", "reason"]
    assert list(row) == columns
    assert all(isinstance(row[name], float) for name in numbers)
    assert json.loads(json.dumps(row))["emotions"] == list(prediction.emotions)
    assert Prediction.from_row(row) == prediction


def test_a_row_of_a_version_with_other_emotions_and_without_thresholds() -> None:
    row = {"emotion": "bored", "p_bored": 0.8, "p_calm": 0.2, "finding": "", "reason": ""}
    prediction = Prediction.from_row(row, model="avemo-audio version 1", synthetic=True)
    assert prediction == Prediction(
        {"bored": 0.8, "calm": 0.2}, model="avemo-audio version 1", synthetic=True
    )
