"""Each rule of the gate at its limit, at 0, and on both sides of it."""

import dataclasses
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from helpers.bundles import bundle_config
from helpers.lineage import new_lineage
from helpers.probabilities import PROBABILITIES
from helpers.registered_versions import NAME, ROOT, new_predictions
from hypothesis import given
from hypothesis import strategies as st
from mlflow.entities.model_registry import ModelVersion

from avemo.config import load_settings
from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.registry import rules
from avemo.registry.limit import Limit
from avemo.registry.rules import RuleResult
from avemo.registry.version import OpenedVersion

SETTINGS = load_settings(ROOT)
SETTINGS = SETTINGS.model_copy(
    update={"evaluation": SETTINGS.evaluation.model_copy(update={"resamples": 20})}
)
SHARES = st.floats(0, 1)


class Version(OpenedVersion):
    """One that needs no files."""

    signature = None
    lineage = new_lineage()


def version(table: pd.DataFrame, size: int = 1_000_000) -> OpenedVersion:
    """A version that gave these answers on the test part."""
    return Version(ModelVersion(NAME, "1", 0), Path(), table, bundle_config(), size)


def answers(wrong: dict[int, int]) -> pd.DataFrame:
    """Sure answers of four actors for ten performances of each emotion.

    Args:
        wrong: how many of the ten an actor gets wrong, of each emotion; else none
    """
    rows = []
    for actor in range(1, 5):
        for take in range(10):
            for place, emotion in enumerate(EMOTIONS):
                answer = (place + (take < wrong.get(actor, 0))) % len(EMOTIONS)
                performance = f"01-0{place + 1}-01-01-{take:02}-{actor:02}"
                speaker = (f"{actor:02d}", "male" if actor % 2 else "female")
                rows.append((performance, *speaker, 1, "test", emotion, *np.eye(8)[answer]))
    columns = ["performance", "actor", "sex", "fold", "part", "true", *PROBABILITIES]
    return pd.DataFrame(rows, columns=columns)


def row(
    rule: str,
    own: OpenedVersion,
    other: OpenedVersion | None = None,
    seconds: tuple[float, float] | None = None,
    /,
    **limits: float,
) -> RuleResult:
    """The rule's line, with other limits."""
    promotion = SETTINGS.promotion.model_copy(update=limits)
    settings = SETTINGS.model_copy(update={"promotion": promotion})
    (result,) = [
        rule_result
        for rule_result in rules.apply_rules(settings, own, other, seconds)
        if rule_result.rule == rule
    ]
    return result


PERFECT = version(answers({}))
#: nine of ten right, by women and by men: every figure is 0.9 or 0.1
EVEN = version(answers(dict.fromkeys(range(1, 5), 1)))
#: women, whose numbers are even, get all right, and men eight of ten
UNEVEN = version(answers({1: 2, 3: 2}))


@pytest.mark.parametrize(
    ("rule", "limit", "own", "allowed", "refused"),
    [
        ("UAR", "min_uar", EVEN, [0, -0.0, 0.9], [0.91, 1]),
        ("worst emotion", "min_recall", EVEN, [0, -0.0, 0.9], [0.91, 1]),
        ("calibration error", "max_calibration_error", PERFECT, [0, -0.0, 1], []),
        ("calibration error", "max_calibration_error", EVEN, [0.1, 1], [0, -0.0, 0.09]),
        ("UAR of women and men", "max_sex_gap", EVEN, [0, -0.0, 1], []),
        ("UAR of women and men", "max_sex_gap", UNEVEN, [0.2, 1], [0, -0.0, 0.19]),
    ],
)
def test_a_figure_with_a_limit_of_its_own(
    rule: str, limit: str, own: OpenedVersion, allowed: list[float], refused: list[float]
) -> None:
    for bound in (*allowed, *refused):
        result = row(rule, own, **{limit: bound})
        assert result.verdict == ("pass" if bound in allowed else "refused"), result
        side = "at least" if limit.startswith("min") else "at most"
        assert result.limit.startswith(f"{side} {abs(bound):g}")


@pytest.mark.parametrize(
    ("own", "margin", "verdict"),
    [
        (PERFECT, 0, "pass"),
        (EVEN, 0, "refused"),
        (EVEN, -0.0, "refused"),
        (EVEN, 0.1, "pass"),
        (EVEN, 0.09, "refused"),
    ],
)
def test_the_margin_to_the_champion(own: OpenedVersion, margin: float, verdict: str) -> None:
    result = row("UAR less the champion's", own, PERFECT, margin=margin)
    assert result.verdict == verdict, result
    assert result.limit == ("at least 0" if margin == 0 else f"at least -{margin:g}")


#: one of ten right: what an untrained prior may do
POOR = answers(dict.fromkeys(range(1, 5), 9))
PRIOR_RULE = "UAR less the untrained prior's"


def visual_version(
    own: pd.DataFrame, prior: pd.DataFrame | None, **bundle: object
) -> OpenedVersion:
    """A version of faces, beside the untrained prior's answers."""
    config = bundle_config(modality="visual", **bundle)
    return dataclasses.replace(version(own), bundle=config, prior_predictions=prior)


@pytest.mark.parametrize(
    ("own", "prior", "margin", "verdict"),
    [
        (answers({}), POOR, 0, "pass"),
        (answers({}), answers({}), 0, "pass"),
        (POOR, answers({}), 0.05, "refused"),
        (POOR, answers({}), 0.9, "pass"),
        (answers({1: 2}), answers({}), 0.0, "refused"),  # one actor is worse: it cannot be told
    ],
)
def test_training_makes_nothing_worse(
    own: pd.DataFrame, prior: pd.DataFrame, margin: float, verdict: str
) -> None:
    assert row(PRIOR_RULE, visual_version(own, prior), prior_margin=margin).verdict == verdict


def test_two_actors_do_not_tell() -> None:
    own, prior = (rows[rows["actor"] < "03"] for rows in (answers({}), POOR))
    result = row(PRIOR_RULE, visual_version(own, prior))
    assert result.verdict == "refused"
    assert result.candidate == "the test part has 2 actors, and fewer than 3 tell too little"


def test_where_the_rule_of_the_prior_does_not_apply() -> None:
    good = answers({})
    for own, verdict, text in (
        (PERFECT, "no prior", "sound has no untrained prior"),
        (visual_version(POOR, good, synthetic=True), "synthetic", ""),
        (visual_version(good, None), "no prior", "it was registered without its predictions"),
        (visual_version(POOR, POOR, untrained=True), "pass", "it is the untrained prior"),
    ):
        result = row(PRIOR_RULE, own)
        assert (result.verdict, result.candidate) == (verdict, text)


@pytest.mark.parametrize(
    ("times", "ratio", "verdict"),
    [(1, 1, "pass"), (1.5, 1.5, "pass"), (1.5, 1.4, "refused"), (0.5, 0.5, "pass")],
)
def test_a_budget_is_a_multiple_of_the_champion_s(times: float, ratio: float, verdict: str) -> None:
    own = dataclasses.replace(PERFECT, size_bytes=round(PERFECT.size_bytes * times))
    assert row("size", own, PERFECT, max_size_ratio=ratio).verdict == verdict
    seconds = 0.3 * times, 0.3
    result = row("time of an answer", own, PERFECT, seconds, max_latency_ratio=ratio)
    assert result.verdict == verdict
    assert result.limit == f"at most {ratio:g} times"


@given(SHARES, SHARES)
def test_of_two_different_numbers_one_is_least_and_one_is_most(value: float, bound: float) -> None:
    least, most = Limit("at least", bound), Limit("at most", bound)
    assert least.allows(bound)
    assert most.allows(bound)
    if abs(value - bound) > 1e-8:
        assert least.allows(value) == (value > bound)
        assert most.allows(value) == (value < bound)


@given(st.sampled_from(["at least", "at most"]), SHARES)
def test_what_is_no_number_is_not_allowed(
    direction: Literal["at least", "at most"], bound: float
) -> None:
    assert not Limit(direction, bound).allows(float("nan"))


@given(st.floats(0, 1), SHARES)
def test_the_gate_holds_a_version_s_own_figures_against_any_limit(
    skill: float, bound: float
) -> None:
    """A figure's own value, as a limit, is kept; and each limit is kept as its direction says."""
    own = version(new_predictions(skill, actors=4, takes=2))
    for rule, limit in (("UAR", "min_uar"), ("calibration error", "max_calibration_error")):
        result = row(rule, own, **{limit: bound})
        value = float(result.candidate.split()[0])
        if abs(value - bound) > 1e-3:  # as rounded as it is shown
            allowed_by_limit = value > bound if limit == "min_uar" else value < bound
            assert result.verdict == ("pass" if allowed_by_limit else "refused")
