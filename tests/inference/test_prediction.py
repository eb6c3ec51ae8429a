import json
import math

import pytest

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.errors import MediaError
from avemo.inference.evidence import COLUMNS, Evidence
from avemo.inference.prediction import Prediction

#: everything that an answer may be made from, and nothing
EVIDENCE = Evidence("fused", 2.14, 0.4, 3.1, 16, 15, 1, 2, 0)
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
        Prediction(PROBABILITIES, evidence=EVIDENCE),
        Prediction(PROBABILITIES, adaptation="neutral baseline of 2 clips"),
    ],
    ids=["an emotion", "not sure", "a finding", "evidence", "adapted"],
)
def test_a_row_keeps_what_the_model_says(prediction: Prediction) -> None:
    row = prediction.to_row()
    numbers = ["probability", *(f"p_{emotion}" for emotion in EMOTIONS)]
    columns = ["emotion", "probability", "unsure", "emotions", *numbers[1:], "finding", "reason"]
    assert list(row) == [*columns, *COLUMNS, "adaptation"]
    assert all(type(row[name]) is kind for name, kind in COLUMNS.items())
    assert all(isinstance(row[name], float) for name in numbers)
    assert json.loads(json.dumps(row))["emotions"] == list(prediction.emotions)
    assert Prediction.from_row(row) == prediction


def test_evidence_in_plain_words() -> None:
    assert Evidence().describe() == ""
    assert EVIDENCE.describe() == (
        "2.1 s of voice from 0.4 to 3.1 s, channel 1 (from 0), audio track 2 (from 0), "
        "a face in 15 of 16 frames, video track 0 (from 0)"
    )
    assert Evidence("visual", 2.0, 0.0, 2.0, 6, 5).describe() == "a face in 5 of 6 frames"
    assert Evidence("audio", 2.0, 0.0, 2.0, 6, 0).describe() == "2.0 s of voice from 0.0 to 2.0 s"


def test_a_row_of_a_version_with_other_emotions_and_without_thresholds() -> None:
    row = {"emotion": "bored", "p_bored": 0.8, "p_calm": 0.2, "finding": "", "reason": ""}
    prediction = Prediction.from_row(row, model="avemo-audio version 1", synthetic=True)
    assert prediction == Prediction(
        {"bored": 0.8, "calm": 0.2}, model="avemo-audio version 1", synthetic=True
    )
