"""Comparisons with what was known before."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.serving.drift.compare import (
    compare_classes,
    compare_quantiles,
    compare_shares,
    share_interval,
)

COUNTS = st.lists(st.integers(0, 300), min_size=8, max_size=8).filter(any)


def counts(values: list[int]) -> dict[str, int]:
    return dict(zip(EMOTIONS, values, strict=True))


@given(COUNTS, COUNTS)
def test_the_distance_is_scipy_s(watched: list[int], profile: list[int]) -> None:
    shift = compare_classes(counts(watched), counts(profile))
    expected = jensenshannon(np.array(watched) / sum(watched), np.array(profile) / sum(profile), 2)
    assert shift.distance.value == pytest.approx(expected, abs=1e-6)
    assert 0 <= shift.distance.value <= 1 + 1e-9


def test_chance_alone_rarely_differs_and_a_change_does() -> None:
    random = np.random.default_rng(5)
    shares = np.array([0.2, 0.2, 0.15, 0.15, 0.1, 0.1, 0.05, 0.05])
    differs = [
        compare_classes(
            counts(random.multinomial(120, shares).tolist()),
            counts(random.multinomial(400, shares).tolist()),
        ).differs
        for _ in range(60)
    ]
    assert sum(differs) <= 8
    shifted = compare_classes(
        counts(random.multinomial(120, shares[::-1]).tolist()),
        counts(random.multinomial(400, shares).tolist()),
    )
    assert shifted.differs
    assert shifted.largest_change in ("neutral", "calm", "disgust", "surprised")


def test_wilson_s_and_newcombe_s_published_examples() -> None:
    share = share_interval(15, 148)
    assert share.low == pytest.approx(0.0624, abs=1e-4)
    assert share.high == pytest.approx(0.1605, abs=1e-4)
    shift = compare_shares(56, 70, 48, 80)
    assert shift.difference.value == pytest.approx(0.2)
    assert shift.difference.low == pytest.approx(0.0524, abs=1e-4)
    assert shift.difference.high == pytest.approx(0.3339, abs=1e-4)
    assert shift.differs
    assert not compare_shares(3, 10, 30, 100).differs
    assert compare_shares(0, 10, 0, 100).difference.value == 0


def test_quieter_clips_are_noticed() -> None:
    random = np.random.default_rng(3)
    profile = np.quantile(random.normal(-12, 4, 500), np.linspace(0, 1, 21)).tolist()
    same = compare_quantiles(random.normal(-12, 4, 100).tolist(), profile)
    quieter = compare_quantiles(random.normal(-22, 4, 100).tolist(), profile)
    assert same
    assert quieter
    assert not same.differs
    assert quieter.differs
    assert quieter.below.value > 0.5
    assert quieter.above.value == 0
    assert quieter.median.value == pytest.approx(-22, abs=1.5)
    assert compare_quantiles([], profile) is None
    assert compare_quantiles([1.0], []) is None
