"""The report of a comparison in words: tables, and what to do."""

from collections.abc import Mapping

from ..records import Interval
from ..settings import ShadowLimits
from .limit import Limit
from .shadow_report import Costs, ShadowCounts, ShadowFigures, ShadowReport, find_shadow_problem

__all__ = [
    "COUNT_COLUMNS",
    "FIGURE_COLUMNS",
    "advise",
    "count_rows",
    "differing_findings",
    "figure_rows",
]

COUNT_COLUMNS = ("requests", "clips")
FIGURE_COLUMNS = (
    "the champion", "clips", "sources", "agreement", "kappa", "distance", "of 95 %",
    "answer: champion, candidate", "processor: champion, candidate",
)  # fmt: skip


def count_rows(counts: ShadowCounts) -> list[tuple[str, str]]:
    """Return a row for each thing that became of the requests; but the first, they add up to it."""
    return [
        ("answered by the champion", f"{counts.requests:,}"),
        ("not drawn", f"{counts.not_drawn:,}"),
        ("compared", f"{counts.compared:,}"),
        *_reasons("dropped", counts.dropped),
        *_reasons("failed", counts.failed),
        ("waiting", f"{counts.waiting:,}"),
    ]


def figure_rows(report: ShadowReport) -> list[tuple[str, ...]]:
    """Return a row of figures for all clips with an emotion, and for each of its findings."""
    groups = {"or the candidate: an emotion": report.figures} if report.figures else {}
    groups |= report.by_finding
    return [
        (
            name,
            f"{figures.clips:,}",
            f"{figures.sources:,}",
            str(figures.agreement),
            _show(figures.kappa),
            _show(figures.distance),
            _show(figures.distance_q95),
            *_show_costs(figures),
        )
        for name, figures in groups.items()
    ]


def differing_findings(report: ShadowReport) -> list[tuple[str, str, str]]:
    """Return a row for each two findings that stand against each other."""
    return [
        (pair.champion, pair.candidate, f"{pair.clips:,}")
        for pair in report.findings
        if pair.champion != pair.candidate
    ]


def advise(
    report: ShadowReport, candidate_seal: str, champion_seal: str, limits: ShadowLimits | None
) -> str:
    """Return what to do, in a sentence.

    Args:
        report: of the candidate
        candidate_seal: the checksum of its files' checksums
        champion_seal: the same of the champion
        limits: of `promotion.shadow`; None where it is no rule of the gate
    """
    own = limits or ShadowLimits()
    candidate = report.candidate.label
    model = report.candidate.name.removeprefix("avemo-")
    problem = find_shadow_problem(report, candidate_seal, champion_seal, own)
    if problem:
        return f"{candidate}: {problem}"
    assert report.figures
    low, distance = report.figures.agreement.low, report.figures.distance
    high = distance.high if distance else None
    agreement_limit = Limit("at least", own.min_agreement)
    distance_limit = Limit("at most", own.max_distance)
    near = low is not None and agreement_limit.allows(low)
    near = near and high is not None and distance_limit.allows(high)
    rule = "" if limits else "; promotion.shadow in params.yaml makes it a rule of the gate"
    if near:
        return f"{candidate} answers like the champion: avemo registry promote {model}{rule}"
    return (
        f"{candidate} answers otherwise than the champion (agreement {agreement_limit}, distance "
        f"{distance_limit} are expected): evaluate it on labelled clips before it is promoted{rule}"
    )


def _reasons(what: str, by_reason: Mapping[str, int]) -> list[tuple[str, str]]:
    return [(f"{what}: {reason}", f"{count:,}") for reason, count in sorted(by_reason.items())]


def _show(figure: Interval | None) -> str:
    return "–" if figure is None else str(figure)


def _show_costs(figures: ShadowFigures) -> tuple[str, str]:
    sides: tuple[Costs | None, ...] = (figures.champion, figures.candidate)
    answer = ", ".join(f"{side.answer_s.value:.3f} s" if side else "–" for side in sides)
    processor = ", ".join(f"{side.processor_s.value:.3f} s" if side else "–" for side in sides)
    return answer, processor
