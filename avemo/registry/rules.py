"""The rules of the gate: each a line of the table that says why a candidate may be promoted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..errors import AvemoError
from ..evaluation import metrics, paired
from ..evaluation.bootstrap import Bootstrap
from ..records import Figures, Interval
from ..settings import Settings, ShadowLimits
from .limit import Limit
from .prior import describe_shortfall
from .shadow_report import find_shadow_problem, read_report
from .version import OpenedVersion

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

    #: what candidate and champion must have in common
    _Property = str | Sequence[str] | ModelSignature | None

__all__ = ["FEATURES", "OWNER_SIGNATURE", "RuleResult", "Verdict", "apply_rules"]

#: the rules that even `--force` obeys
FEATURES = "features"
OWNER_SIGNATURE = "owner's signature"

#: `no champion`: a comparison without a version to compare with; `synthetic`: a figure that means
#: nothing, because the recordings are synthetic; `no prior`: there is none to compare
#: with, as of sound
Verdict = Literal["pass", "refused", "no champion", "synthetic", "no prior"]

#: what `lineage.json` must say
_LINEAGE = ("commit", "data", "split_id", "settings", "packages")


@dataclass(frozen=True)
class RuleResult:
    """What a rule says of a candidate.

    Args:
        rule: its name
        candidate: the candidate's value, as shown
        champion: the champion's value, as shown; may be empty
        limit: what the value is compared with
        verdict: how that ended
    """

    rule: str
    candidate: str
    champion: str
    limit: str
    verdict: Verdict


class _Measured(NamedTuple):
    """A number that has a limit, and how it is shown."""

    value: float
    text: str


def apply_rules(
    settings: Settings,
    candidate: OpenedVersion,
    champion: OpenedVersion | None,
    latencies_s: tuple[float, float] | None,
) -> list[RuleResult]:
    """Return the result of every rule, in the order of the table.

    A candidate with imported features answers nothing, so that its time is no rule.

    Args:
        settings: with the limits
        candidate: that the rules are applied to
        champion: None where there is none
        latencies_s: that an answer of candidate and champion takes; None without champion, or
            without answers
    """
    megabytes = (candidate.size_bytes / 1e6, champion.size_bytes / 1e6) if champion else None
    milliseconds = (latencies_s[0] * 1e3, latencies_s[1] * 1e3) if latencies_s else None
    limits = settings.promotion
    time = _budget("time of an answer", "ms", milliseconds, limits.max_latency_ratio)
    return [
        _features(candidate),
        *_absolute_rules(settings, candidate, champion),
        _no_worse(settings, candidate, champion),
        _no_worse_than_prior(settings, candidate),
        *(_shadow_rules(limits.shadow, candidate, champion) if limits.shadow else []),
        *([] if candidate.bundle.imported_features else [time]),
        _budget("size", "MB", megabytes, limits.max_size_ratio),
        _same("classes", candidate, champion, lambda version: version.bundle.classes),
        _same("signature", candidate, champion, lambda version: version.signature),
        _same("split", candidate, champion, lambda version: version.bundle.split_id),
        _corpus(candidate, champion),
        _lineage(candidate),
        _tree(candidate),
    ]


def _features(candidate: OpenedVersion) -> RuleResult:
    """Return the result of the rule that no force sets aside: it must answer for a film."""
    imported = candidate.bundle.imported_features
    own = f"imported: {imported}" if imported else "computed"
    return RuleResult(FEATURES, own, "", "computed from a film", _verdict(not imported))


# Floors and ceilings: of the candidate alone; the champion's figure stands beside it.


def _absolute_rules(
    settings: Settings, candidate: OpenedVersion, champion: OpenedVersion | None
) -> list[RuleResult]:
    limits = settings.promotion
    versions = (candidate, champion)
    figures = [_figures(settings, version) for version in versions]
    measured = {
        "UAR": [_figure(values, "uar") for values in figures],
        "worst emotion": [_worst_recall(values) for values in figures],
        "calibration error": [_figure(values, "calibration_error") for values in figures],
        "UAR of women and men": [_sex_gap(version) for version in versions],
    }
    bounds = {
        "UAR": Limit("at least", limits.min_uar),
        "worst emotion": Limit("at least", limits.min_recall),
        "calibration error": Limit("at most", limits.max_calibration_error),
        "UAR of women and men": Limit("at most", limits.max_sex_gap),
    }
    results = []
    for rule, (own, other) in measured.items():
        allowed = own is not None and bounds[rule].allows(own.value)
        results.append(
            RuleResult(
                rule,
                own.text if own else "absent",
                other.text if other else "",
                f"{bounds[rule]}{' apart' if rule == 'UAR of women and men' else ''}",
                "synthetic" if candidate.synthetic else _verdict(allowed),
            )
        )
    return results


def _verdict(allowed: bool) -> Verdict:
    return "pass" if allowed else "refused"


def _figures(settings: Settings, version: OpenedVersion | None) -> Figures:
    if version is None or version.predictions is None:
        return {}
    return metrics.intervals(version.predictions, Bootstrap.from_settings(settings))


def _figure(figures: Figures, name: str) -> _Measured | None:
    return _Measured(figures[name].value, str(figures[name])) if figures else None


def _worst_recall(figures: Figures) -> _Measured | None:
    recalls = [
        _Measured(figure.value, f"{name.removeprefix('recall_')} {figure}")
        for name, figure in figures.items()
        if name.startswith("recall_")
    ]
    return min(recalls, default=None)


def _sex_gap(version: OpenedVersion | None) -> _Measured | None:
    """Return how far the UAR of women and of men are apart; None without both in the test part.

    Speakers whose sex the corpus does not say count for neither.
    """
    if version is None or version.predictions is None or "sex" not in version.predictions:
        return None
    sex = version.predictions["sex"]
    rows_by_sex = [version.predictions[sex.eq(name)] for name in ("female", "male")]
    if any(rows.empty for rows in rows_by_sex):
        return None
    first, second = map(metrics.uar_of, rows_by_sex)
    return _Measured(abs(first - second), f"{first:.3f}, {second:.3f}")


# Against the champion.


def _no_worse(
    settings: Settings, candidate: OpenedVersion, champion: OpenedVersion | None
) -> RuleResult:
    rule = "UAR less the champion's"
    limit = Limit("at least", -settings.promotion.margin)
    if champion is None:
        return RuleResult(rule, "", "", str(limit), "no champion")
    if candidate.predictions is None or champion.predictions is None:
        owner = "the candidate" if candidate.predictions is None else "the champion"
        return RuleResult(rule, f"{owner} has no recorded predictions", "", str(limit), "refused")
    if metrics.classes_of(candidate.predictions) != metrics.classes_of(champion.predictions):
        return RuleResult(rule, "of other classes", "", str(limit), "refused")
    difference: Interval | None = paired.paired_bootstrap(
        candidate.predictions, champion.predictions, Bootstrap.from_settings(settings)
    ).get("uar")
    if difference is None or difference.low is None:
        shared = "fewer than two actors" if difference else "no performance"
        return RuleResult(rule, f"{shared} in common", "", str(limit), "refused")
    shared = f"{difference.performances} performances, {difference.actors} actors"
    verdict = _verdict(limit.allows(difference.low))
    return RuleResult(rule, f"{difference:+}", shared, str(limit), verdict)


def _no_worse_than_prior(settings: Settings, candidate: OpenedVersion) -> RuleResult:
    """Return the result of the rule that training makes nothing worse."""
    rule = "UAR less the untrained prior's"
    limit = Limit("at least", -settings.promotion.prior_margin)
    own, prior = candidate.predictions, candidate.prior_predictions
    if candidate.bundle.untrained:
        return RuleResult(rule, "it is the untrained prior", "", str(limit), "pass")
    if candidate.bundle.modality == "audio":
        return RuleResult(rule, "sound has no untrained prior", "", str(limit), "no prior")
    if candidate.synthetic:
        return RuleResult(rule, "", "", str(limit), "synthetic")
    if own is None:
        text = "the candidate has no recorded predictions"
        return RuleResult(rule, text, "", str(limit), "refused")
    if prior is None:
        text = "it was registered without its predictions"
        return RuleResult(rule, text, "", str(limit), "no prior")
    difference: Interval | None = paired.paired_bootstrap(
        own, prior, Bootstrap.from_settings(settings)
    ).get("uar")
    shortfall = describe_shortfall(difference, settings.promotion.prior_margin)
    text = shortfall or f"{difference:+}"
    return RuleResult(rule, text, "", str(limit), _verdict(not shortfall))


def _shadow_rules(
    limits: ShadowLimits, candidate: OpenedVersion, champion: OpenedVersion | None
) -> list[RuleResult]:
    """Return the results of the two rules of the comparison on real requests.

    Each takes the bound of the interval that speaks against the candidate.
    """
    names = "agreement in shadow", "distance in shadow"
    rules = Limit("at least", limits.min_agreement), Limit("at most", limits.max_distance)

    def both(text: str, verdict: Verdict) -> list[RuleResult]:
        return [
            RuleResult(name, text, "", str(limit), verdict)
            for name, limit in zip(names, rules, strict=True)
        ]

    if champion is None:
        return both("", "no champion")
    try:
        report = read_report(candidate.folder)
        problem = find_shadow_problem(report, candidate.seal, champion.seal, limits)
    except AvemoError as error:
        return both(str(error), "refused")
    if problem or report is None or report.figures is None:
        return both(problem, "refused")
    agreement, distance = report.figures.agreement, report.figures.distance
    bounds = agreement.low, distance.high if distance else None
    shared = f"{report.figures.clips:,} clips, {report.figures.sources:,} sources"
    return [
        RuleResult(
            name,
            str(figure),
            shared,
            str(limit),
            _verdict(bound is not None and limit.allows(bound)),
        )
        for name, limit, figure, bound in zip(
            names, rules, (agreement, distance), bounds, strict=True
        )
    ]


def _budget(
    rule: str, unit: str, values: tuple[float, float] | None, max_ratio: float
) -> RuleResult:
    """Return the result of a rule that allows a multiple of the champion's value.

    Args:
        values: of the candidate and of the champion; None without champion
    """
    text = f"{Limit('at most', max_ratio)} times"
    if values is None:
        return RuleResult(rule, "", "", text, "no champion")
    own, other = (f"{value:.1f} {unit}" for value in values)
    limit = Limit("at most", max_ratio * values[1])
    return RuleResult(rule, own, other, text, _verdict(limit.allows(values[0])))


def _same(
    rule: str,
    candidate: OpenedVersion,
    champion: OpenedVersion | None,
    read: "Callable[[OpenedVersion], _Property]",
) -> RuleResult:
    own, other = read(candidate), read(champion) if champion else None
    same = bool(own) and own == other
    verdict: Verdict = "no champion" if champion is None else _verdict(same)
    text = "the same" if same else _summarise(other)
    return RuleResult(rule, _summarise(own), text, "the champion's", verdict)


def _summarise(value: "_Property") -> str:
    """Return a short text that tells a property from another."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, Sequence):
        return f"{len(value)}: {', '.join(value)}"
    return f"{len(value.inputs.inputs)} in, {len(value.outputs.inputs)} out"


def _corpus(candidate: OpenedVersion, champion: OpenedVersion | None) -> RuleResult:
    own, other = (
        "" if version is None else "synthetic sample" if version.synthetic else "recordings"
        for version in (candidate, champion)
    )
    worse = champion is not None and candidate.synthetic and not champion.synthetic
    return RuleResult("corpus", own, other, "no sample for recordings", _verdict(not worse))


# Where it comes from.


def _lineage(candidate: OpenedVersion) -> RuleResult:
    lineage = candidate.lineage
    missing = [name for name in _LINEAGE if not getattr(lineage, name, None)]
    text = f"lacks {', '.join(missing)}" if missing else "complete"
    return RuleResult("lineage", text, "", "complete", _verdict(not missing))


def _tree(candidate: OpenedVersion) -> RuleResult:
    lineage = candidate.lineage
    dirty = lineage.dirty if lineage else None
    text = "unknown" if dirty is None else "changed" if dirty else "clean"
    return RuleResult("tree that trained it", text, "", "clean", _verdict(dirty is False))
