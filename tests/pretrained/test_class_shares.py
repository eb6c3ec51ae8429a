"""What the seven expressions say of a task's classes."""

import numpy as np
import pytest

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.pretrained.expression_mobilenet import CLASSES, class_shares


def shares_of(expression: str, classes: tuple[str, ...] = EMOTIONS) -> dict[str, float]:
    row = class_shares(classes)[CLASSES.index(expression)]
    return dict(zip(classes, row.tolist(), strict=True))


@pytest.mark.parametrize(
    "classes", [EMOTIONS, ("sad", "joy"), ("boredom", "contempt"), ("calm", "happy", "neutral")]
)
def test_every_expression_is_shared_among_the_classes_and_no_class_is_impossible(
    classes: tuple[str, ...],
) -> None:
    shares = class_shares(classes)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert shares.min() > 0


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("anger", "angry"),
        ("disgust", "disgust"),
        ("fear", "fearful"),
        ("happy", "happy"),
        ("sad", "sad"),
        ("surprise", "surprised"),
    ],
)
def test_an_expression_is_the_class_of_its_name(expression: str, name: str) -> None:
    shares = shares_of(expression)
    assert shares.pop(name) > 0.95
    assert max(shares.values()) < 0.01


def test_calm_shares_neutral_s_probability() -> None:
    shares = shares_of("neutral")
    assert shares["neutral"] > shares["calm"] > 0.45
    assert shares_of("neutral", ("happy", "neutral"))["neutral"] > 0.95


def test_a_class_without_counterpart_gets_little_of_everything() -> None:
    classes = ("boredom", "happy", "sad")
    assert [round(shares_of(name, classes)["boredom"], 3) for name in ("happy", "sad")] == [
        0.017
    ] * 2
    assert len(set(shares_of("disgust", classes).values())) == 1, "it tells nothing"
