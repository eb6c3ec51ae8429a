"""The adaptation is chosen and measured on speakers that it was not fitted to."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from helpers.drawn_speakers import CLASSES, draw_clips

from avemo.errors import AvemoError
from avemo.evaluation.bootstrap import Bootstrap
from avemo.settings import Adaptation as Limits
from avemo.training.adaptation import (
    UNADAPTED,
    crossvalidate_adaptation,
    curve_figures,
    fit_adaptation,
)
from avemo.training.enrolments import ALL_OTHERS, draw_enrolments, statistics_of

LIMITS = Limits(draws=2, max_loss=0.01, false_alarms=0.05)
CLIPS = draw_clips(each=6)


def test_no_clip_is_predicted_by_its_own_statistics() -> None:
    cases = Counter[str]()
    for draw in draw_enrolments(CLIPS, CLASSES, draws=2, seed=1):
        cases[draw.case] += 1
        assert not set(draw.enrolled) & set(draw.predicted)
        assert len(set(CLIPS.speakers[[*draw.enrolled, *draw.predicted]])) == 1
        mix, _, size = draw.case.partition(" ")
        labels = set(CLIPS.labels[draw.enrolled])
        if draw.case != ALL_OTHERS:
            assert len(draw.enrolled) == int(size)
        assert draw.neutral == (mix == "neutral")
        if mix == "neutral":
            assert labels == {0}
        elif mix == "quiet":
            assert labels <= {0, 1}
        elif mix == "single":
            assert len(labels) == 1
            assert 0 not in labels
        elif draw.case == "even 5":
            assert len(labels) == 3
    assert cases["even 10"] == 24
    assert cases[ALL_OTHERS] == len(CLIPS.labels)
    assert "even 20" not in cases  # of 18 clips


def test_statistics_of_several_clips_are_the_sum_of_each() -> None:
    adaptation, _ = fit_adaptation(CLIPS, CLASSES, "prosody_stats", LIMITS, 1)
    rows = CLIPS.vectors[:3]
    positions = rows @ adaptation.projection - adaptation.origin
    total = statistics_of(adaptation, positions, CLIPS.probabilities[:3])
    first, *others = (
        adaptation.observe({"prosody_stats": row[None]}, p.tolist(), neutral=False)
        for row, p in zip(rows, CLIPS.probabilities, strict=False)
    )
    summed = sum(others, start=first)
    assert (summed.space, summed.clips) == (total.space, total.clips)
    np.testing.assert_allclose(summed.sums, total.sums, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(summed.class_counts, total.class_counts)


@pytest.fixture(scope="module")
def nested() -> dict[str, tuple[float, float]]:
    """By case, the recall and its difference to no speaker."""
    table, adaptations = crossvalidate_adaptation(CLIPS, CLASSES, "prosody_stats", LIMITS, 1)
    assert len({adaptation.space for adaptation in adaptations.values()}) == 4
    uars, differences = curve_figures(table, Bootstrap(200, 0.95, 1))
    return {case: (uars[case].value, differences[case].value) for case in uars}


@pytest.mark.slow
def test_speakers_who_differ_are_heard_better_by_their_own_clips(
    nested: dict[str, tuple[float, float]],
) -> None:
    assert nested[UNADAPTED][1] == 0
    assert nested["neutral 2"][1] > 0.05
    assert nested["even 10"][1] > 0.05
    assert min(difference for _, difference in nested.values()) > -0.03


@pytest.mark.slow
def test_a_picture_counts_in_every_case_and_changes_no_choice() -> None:
    sure = 100.0 * np.eye(len(CLASSES))[CLIPS.labels]
    settings = ("prosody_stats", LIMITS, 1)
    heard, adaptations = crossvalidate_adaptation(CLIPS, CLASSES, *settings)
    seen, same_adaptations = crossvalidate_adaptation(CLIPS, CLASSES, *settings, sure)
    cases = [name for name in seen if name not in ("true", "actor")]
    assert (heard[cases].mean() < 1).all()
    assert (seen[cases].mean() == 1).all()
    for fold, adaptation in adaptations.items():
        own = same_adaptations[fold]
        assert (own.trust, own.weight) == (adaptation.trust, adaptation.weight)


@pytest.mark.slow
def test_what_is_fitted_depends_on_nothing_else() -> None:
    first, table = fit_adaptation(CLIPS, CLASSES, "prosody_stats", LIMITS, 1)
    second, again = fit_adaptation(CLIPS, CLASSES, "prosody_stats", LIMITS, 1)
    assert first.space == second.space
    assert first.max_distance == pytest.approx(95)
    assert (np.diff(first.distances) >= 0).all()
    assert table.equals(again)


def test_folds_that_share_a_speaker_are_refused() -> None:
    shared = replace(CLIPS, folds=np.arange(len(CLIPS.labels)) % 4)
    with pytest.raises(AvemoError, match="is in several folds"):
        fit_adaptation(shared, CLASSES, "prosody_stats", LIMITS, 1)
