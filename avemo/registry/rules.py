"""The rules of the gate: each a line of the table that says why a candidate may be promoted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ..emotions import EMOTIONS
from ..evaluation import metrics, paired
from ..evaluation.bootstrap import Bootstrap, Interval
from ..settings import Settings
from .version import Facts

__all__ = ["FAIL", "NO_CHAMPION", "PASS", "SYNTHETIC", "Limit", "Row", "judge"]

PASS = "pass"
FAIL = "refused"
#: a comparison without anything to compare with
NO_CHAMPION = "no champion"
#: a figure that means nothing, for the recordings are synthetic
SYNTHETIC = "synthetic"

#: what `lineage.json` must say
_LINEAGE = ("commit", "data", "split_id", "settings", "packages")

#: figures that differ by less are equal: 0.8 less 0.7 is not 0.1 to the last bit
_ROUNDING = 1e-9

Figures = dict[str, Interval]
#: a number to be held against a limit, and how it is shown
Found = tuple[float, str]


@dataclass(frozen=True)
class Limit:
    """A bound, and on which side of it a value must lie; on the bound itself it may lie.

    Args:
        direction: of the values that are allowed, seen from the bound
        bound: in the unit of the values
    """

    direction: Literal["at least", "at most"]
    bound: float

    def allows(self, value: float) -> bool:
        """Return whether a value keeps within the limit; NaN never does."""
        if self.direction == "at least":
            return value >= self.bound - _ROUNDING
        return value <= self.bound + _ROUNDING

    def __str__(self) -> str:
        return f"{self.direction} {self.bound + 0:g}"  # -0.0 + 0 is 0.0


@dataclass(frozen=True)
class Row:
    """One rule: what was found, what it is held against, and how it ended."""

    rule: str
    candidate: str
    champion: str
    limit: str
    verdict: str


def judge(
    settings: Settings,
    candidate: Facts,
    champion: Facts | None,
    seconds: tuple[float, float] | None,
) -> list[Row]:
    """Every rule, in the order in which it is read.

    Args:
        champion: None where there is none
        seconds: that an answer takes, of the candidate and of the champion; None without champion
    """
    sizes = (candidate.size / 1e6, champion.size / 1e6) if champion else None
    times = (seconds[0] * 1e3, seconds[1] * 1e3) if seconds else None
    limits = settings.promotion
    return [
        *_absolute(settings, candidate, champion),
        _no_worse(settings, candidate, champion),
        _budget("time of an answer", "ms", times, limits.max_latency_ratio),
        _budget("size", "MB", sizes, limits.max_size_ratio),
        _same("classes", candidate, champion, lambda one: one.description.get("classes")),
        _same("signature", candidate, champion, lambda one: one.signature),
        _same("split", candidate, champion, lambda one: one.description.get("split")),
        _corpus(candidate, champion),
        _lineage(candidate),
        _tree(candidate),
    ]


# Floors and ceilings: of the candidate alone; the champion's figure stands beside it.


def _absolute(settings: Settings, candidate: Facts, champion: Facts | None) -> list[Row]:
    limits = settings.promotion
    both = [_figures(settings, one) for one in (candidate, champion)]
    uars, errors = ([_plain(one, name) for one in both] for name in ("uar", "calibration_error"))
    return [
        _held(candidate, "UAR", uars, Limit("at least", limits.min_uar)),
        _held(
            candidate,
            "worst emotion",
            [_worst(one) for one in both],
            Limit("at least", limits.min_recall),
        ),
        _held(
            candidate,
            "calibration error",
            errors,
            Limit("at most", limits.max_calibration_error),
        ),
        _held(
            candidate,
            "UAR of women and men",
            [_sexes(one) for one in (candidate, champion)],
            Limit("at most", limits.max_sex_gap),
            "apart",
        ),
    ]


def _held(
    candidate: Facts, rule: str, found: list[Found | None], limit: Limit, what: str = ""
) -> Row:
    """Return the row of a figure that has a limit of its own, whatever the champion's is."""
    own, other = found
    text = f"{limit} {what}".strip()
    fine = own is not None and limit.allows(own[0])
    verdict = SYNTHETIC if candidate.synthetic else PASS if fine else FAIL
    return Row(rule, own[1] if own else "absent", other[1] if other else "", text, verdict)


def _figures(settings: Settings, one: Facts | None) -> Figures:
    if one is None or one.predictions is None:
        return {}
    return metrics.intervals(one.predictions, Bootstrap.from_settings(settings))


def _plain(figures: Figures, name: str) -> Found | None:
    return (figures[name].value, str(figures[name])) if figures else None


def _worst(figures: Figures) -> Found | None:
    recalls = [
        (figures[key].value, f"{emotion} {figures[key]}")
        for emotion in EMOTIONS
        if (key := f"recall_{emotion}") in figures
    ]
    return min(recalls, default=None)


def _sexes(one: Facts | None) -> Found | None:
    """None where one of them is not in the test part."""
    if one is None or one.predictions is None:
        return None
    women = one.predictions["actor"] % 2 == 0  # RAVDESS numbers men odd and women even
    parts = [one.predictions[women], one.predictions[~women]]
    if any(part.empty for part in parts):
        return None
    first, second = (metrics.uar(part["true"], metrics.predicted(part)) for part in parts)
    return abs(first - second), f"{first:.3f}, {second:.3f}"


# Against the champion.


def _no_worse(settings: Settings, candidate: Facts, champion: Facts | None) -> Row:
    rule = "UAR less the champion's"
    limit = Limit("at least", -settings.promotion.margin)
    if champion is None:
        return Row(rule, "", "", str(limit), NO_CHAMPION)
    if candidate.predictions is None or champion.predictions is None:
        whose = "the candidate" if candidate.predictions is None else "the champion"
        return Row(rule, f"{whose} has no recorded predictions", "", str(limit), FAIL)
    found = paired.paired_bootstrap(
        candidate.predictions, champion.predictions, Bootstrap.from_settings(settings)
    ).get("uar")
    if found is None or found.low is None:
        why = "fewer than two actors" if found else "no performance"
        return Row(rule, f"{why} in common", "", str(limit), FAIL)
    shared = f"{found.performances} performances, {found.actors} actors"
    verdict = PASS if limit.allows(found.low) else FAIL
    return Row(rule, f"{found:+}", shared, str(limit), verdict)


def _budget(rule: str, unit: str, both: tuple[float, float] | None, ratio: float) -> Row:
    text = f"{Limit('at most', ratio)} times"
    if both is None:
        return Row(rule, "", "", text, NO_CHAMPION)
    own, other = (f"{value:.1f} {unit}" for value in both)
    limit = Limit("at most", ratio * both[1])
    return Row(rule, own, other, text, PASS if limit.allows(both[0]) else FAIL)


def _same(rule: str, candidate: Facts, champion: Facts | None, of: Callable[[Facts], Any]) -> Row:
    own, other = of(candidate), of(champion) if champion else None
    same = bool(own) and own == other
    verdict = NO_CHAMPION if champion is None else PASS if same else FAIL
    return Row(rule, _short(own), "the same" if same else _short(other), "the champion's", verdict)


def _short(value: Any) -> str:
    """Some letters that tell it from another."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list):
        return f"{len(value)}: {', '.join(value)}"
    return f"{len(value.inputs.inputs)} in, {len(value.outputs.inputs)} out"


def _corpus(candidate: Facts, champion: Facts | None) -> Row:
    own, other = (
        "" if one is None else "synthetic sample" if one.synthetic else "recordings"
        for one in (candidate, champion)
    )
    worse = champion is not None and candidate.synthetic and not champion.synthetic
    return Row("corpus", own, other, "no sample for recordings", FAIL if worse else PASS)


# Where it comes from.


def _lineage(candidate: Facts) -> Row:
    missing = [name for name in _LINEAGE if not getattr(candidate.lineage, name, None)]
    text = f"lacks {', '.join(missing)}" if missing else "complete"
    return Row("lineage", text, "", "complete", FAIL if missing else PASS)


def _tree(candidate: Facts) -> Row:
    dirty = candidate.lineage.dirty if candidate.lineage else None
    text = "unknown" if dirty is None else "changed" if dirty else "clean"
    return Row("tree that trained it", text, "", "clean", PASS if dirty is False else FAIL)
