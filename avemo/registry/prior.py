"""Whether a trained model is no worse than the untrained prior of its modality."""

from ..evaluation.paired import MIN_ACTORS
from ..records import Interval, ModalityResult
from ..settings import Settings
from .limit import Limit

__all__ = ["describe_shortfall", "reason_for_prior"]


def reason_for_prior(settings: Settings, result: ModalityResult) -> str:
    """Return why the untrained prior is registered in place of a trained model; else nothing.

    Figures on the synthetic sample, whose faces are drawn, mean nothing: there the trained model is
    registered.
    """
    if settings.corpus.synthetic or result.prior is None:
        return ""
    return describe_shortfall(result.prior.difference, settings.promotion.prior_margin)


def describe_shortfall(difference: Interval | None, margin: float) -> str:
    """Return why a model is not shown to be as good as the untrained prior; empty where it is.

    Args:
        difference: its UAR less the prior's, paired over the actors of the test part; None where
            the two have no performance in common
        margin: how far the lower bound may lie below 0
    """
    actors = difference.actors if difference else 0
    if difference is None or difference.low is None or actors < MIN_ACTORS:
        tested = f"{actors} actor" + "s" * (actors != 1)
        return f"the test part has {tested}, and fewer than {MIN_ACTORS} tell too little"
    limit = Limit("at least", -margin)
    if limit.allows(difference.low):
        return ""
    worse = difference.high is not None and difference.high < 0
    verdict = "the trained model is worse" if worse else "it cannot be told that it is no worse"
    return f"{verdict}: UAR less the prior's {difference:+}, {limit} is expected"
