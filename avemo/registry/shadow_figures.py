"""The figures of a comparison of two versions on the same clips, with intervals over sources.

Clips of one source (a person, a camera, a project) are alike: drawing clips would make the
intervals too narrow, so whole sources are drawn.

Source:
    J. Cohen: A coefficient of agreement for nominal scales. Educational and Psychological
    Measurement 20, 1960
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from ..evaluation.bootstrap import Bootstrap, Interval
from .shadow_report import (
    ANSWERED,
    FAILED,
    ComparedClip,
    Costs,
    FindingPair,
    ShadowClips,
    ShadowFigures,
    ShadowReport,
)

__all__ = ["make_report"]

_BOOTSTRAP = Bootstrap(resamples=1000, confidence=0.95, seed=1)
_QUANTILE = 0.95


def make_report(noted: ShadowClips) -> ShadowReport:
    """Return the report of what a service has noted."""
    by_finding: dict[str, list[ComparedClip]] = {}
    for clip in noted.clips:
        by_finding.setdefault(clip.champion_finding or ANSWERED, []).append(clip)
    with_emotion = [
        clip for clip in noted.clips if not (clip.champion_finding and clip.candidate_finding)
    ]
    pairs = Counter(
        (
            clip.champion_finding or ANSWERED,
            FAILED if clip.failure else clip.candidate_finding or ANSWERED,
        )
        for clip in noted.clips
    )
    return ShadowReport(
        champion=noted.champion,
        candidate=noted.candidate,
        started_at=noted.started_at,
        written_at=datetime.now(UTC).isoformat(timespec="seconds"),
        share=noted.share,
        confidence=_BOOTSTRAP.confidence,
        counts=noted.counts,
        figures=_figures(with_emotion) if with_emotion else None,
        by_finding={finding: _figures(clips) for finding, clips in sorted(by_finding.items())},
        findings=[
            FindingPair(champion=champion, candidate=candidate, clips=count)
            for (champion, candidate), count in sorted(pairs.items())
        ],
    )


def _figures(clips: Sequence[ComparedClip]) -> ShadowFigures:
    """Return the figures of some clips, at least one."""
    numbers, source = np.unique([clip.source for clip in clips], return_inverse=True)
    champion = [clip.champion_finding or clip.champion_emotion for clip in clips]
    candidate = [
        FAILED if clip.failure else clip.candidate_finding or clip.candidate_emotion
        for clip in clips
    ]
    agree = np.array([own == other for own, other in zip(candidate, champion, strict=True)])
    labels = sorted({*champion, *candidate})
    champion_sums, candidate_sums = (
        np.stack([_sums(np.array(named) == label, source) for label in labels], axis=1)
        for named in (champion, candidate)
    )
    distances = _floats([clip.distance for clip in clips])
    means = {
        "distance": distances,
        "champion_answer_s": _floats([clip.champion_answer_s for clip in clips]),
        "champion_processor_s": _floats([clip.champion_processor_s for clip in clips]),
        "candidate_answer_s": _floats([clip.candidate_answer_s for clip in clips]),
        "candidate_processor_s": _floats([clip.candidate_processor_s for clip in clips]),
    }

    def of_draws(draws: np.ndarray) -> dict[str, np.ndarray]:
        with np.errstate(invalid="ignore", divide="ignore"):
            count = draws @ _sums(np.ones(len(clips)), source)
            agreement = draws @ _sums(agree, source) / count
            by_chance = ((draws @ champion_sums) * (draws @ candidate_sums)).sum(axis=1) / count**2
            figures = {"agreement": agreement, "kappa": (agreement - by_chance) / (1 - by_chance)}
            for name, values in means.items():
                known = ~np.isnan(values)
                total = draws @ _sums(np.where(known, values, 0), source)
                figures[name] = total / (draws @ _sums(known, source))
        return figures | {"distance_q95": _quantiles(distances, source, draws)}

    bootstrap = _BOOTSTRAP.expanded(len(numbers))
    intervals = bootstrap.intervals(of_draws, actors=len(numbers), performances=len(clips))
    return ShadowFigures(
        agreement=intervals["agreement"],
        kappa=intervals.get("kappa"),
        distance=intervals.get("distance"),
        distance_q95=intervals.get("distance_q95"),
        champion=Costs(
            answer_s=intervals["champion_answer_s"], processor_s=intervals["champion_processor_s"]
        ),
        candidate=_costs(intervals.get("candidate_answer_s"), intervals),
    )


def _costs(answer_s: Interval | None, intervals: dict[str, Interval]) -> Costs | None:
    """Return what the candidate's answers take; None where it never answered."""
    if answer_s is None:
        return None
    return Costs(answer_s=answer_s, processor_s=intervals["candidate_processor_s"])


def _sums(values: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return the sum of each source: float64 [shape=(sources,)]."""
    return np.bincount(source, weights=values.astype(float))


def _floats(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values])


def _quantiles(values: np.ndarray, source: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Return a quantile of the values of each draw [shape=(draws,)]; NaN where there is no value.

    Args:
        values: NaN where there is none [shape=(clips,)]
        source: of each [shape=(clips,)]
        draws: how often each draw holds each source [shape=(draws, sources)]
    """
    order = np.argsort(values)[: np.count_nonzero(~np.isnan(values))]
    ranked, ranked_source = values[order], source[order]
    quantiles = np.full(len(draws), np.nan)
    for place, draw in enumerate(draws):
        up_to = np.cumsum(draw[ranked_source])
        if len(up_to) and up_to[-1]:
            quantiles[place] = ranked[np.searchsorted(up_to, _QUANTILE * up_to[-1])]
    return quantiles
