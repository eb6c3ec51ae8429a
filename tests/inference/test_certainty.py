import math

import pytest
from helpers.bundles import bundle_config, new_abstention, new_sets
from hypothesis import given
from hypothesis import strategies as st

from avemo.inference.certainty import Certainty, describe_certainty
from avemo.records import BundleConfig


def model(threshold: float, set_threshold: float) -> BundleConfig:
    return bundle_config(
        abstention=new_abstention(threshold), conformal_sets=new_sets(set_threshold)
    )


@pytest.mark.parametrize(("threshold", "unsure"), [(0.49, False), (0.5, False), (0.51, True)])
def test_below_the_threshold_it_is_not_sure(threshold: float, unsure: bool) -> None:
    certainty = describe_certainty({"calm": 0.3, "sad": 0.5, "happy": 0.2}, model(threshold, 0.3))
    assert certainty == Certainty(unsure, ("sad", "calm"))


def test_a_set_has_the_likeliest_emotion_at_least() -> None:
    certainty = describe_certainty({"calm": 0.6, "sad": 0.4}, model(0, 0.7))
    assert certainty.emotions == ("calm",)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0, 1))
def test_a_set_holds_what_is_as_likely_as_its_members(
    values: list[float], threshold: float
) -> None:
    probabilities = {f"emotion {place}": value for place, value in enumerate(values)}
    emotions = describe_certainty(probabilities, model(0, threshold)).emotions
    assert emotions
    outside = [value for name, value in probabilities.items() if name not in emotions]
    assert max(outside, default=0) <= min(probabilities[name] for name in emotions)
    ranked = [probabilities[name] for name in emotions]
    assert ranked == sorted(ranked, reverse=True)


def test_a_model_without_thresholds_is_sure_and_has_no_set() -> None:
    assert describe_certainty({"calm": 0.2, "sad": 0.1}, bundle_config()) == Certainty(False, ())


def test_nothing_to_predict_from() -> None:
    assert describe_certainty({}, model(0.5, 0.1)) == Certainty(False, ())


def test_what_is_no_number_is_not_sure() -> None:
    assert describe_certainty({"calm": math.nan}, model(0, 0)).unsure
