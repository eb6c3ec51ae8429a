"""The original study's systems beside what was published of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..baselines.published import CHANNELS, SYSTEMS
from ..page import code
from ..records import Interval
from . import plots
from .manifest import System
from .scored import Figures, Scored

__all__ = ["BaselineTables", "accuracies", "is_synthetic", "systems", "tables"]

_KINDS = {"random": plots.RANDOM, "actor": plots.ACTOR}
_SPLITS = {"random": "random split", "actor": "unseen actors"}
#: by the systems that take weights which are not fetched by default, what makes their features
_FEATURES = {
    (
        "vggish-deep",
        "vggish-ml",
        "vggish-lstm",
    ): "dvc repro --force --single-item audio-features",
    ("face-vgg16",): "sed -i 's/# backbone:/backbone:/' params.yaml && dvc repro visual-features",
}
_NO_FIGURE = "–"
_NOT_RUN = "not run"


@dataclass(frozen=True)
class BaselineTables:
    """What the page shows of the baselines.

    Args:
        rows: a system and channel each
        synthetic: whether some of the rows are of the synthetic sample
        sample_rows: of the synthetic sample, where the others are of real recordings
        additional: the systems that the study did not have
        skipped: by the reason why something was not run, the details by system: which channels
            where it is not all of them, and their published accuracies
        emobox: a system and channel each, on real recordings by EmoBox's folds
        commands: that fetch weights and run the systems which lack them, where there is a network
    """

    rows: list[tuple[str, ...]]
    synthetic: bool
    sample_rows: list[tuple[str, ...]]
    additional: list[str]
    skipped: dict[str, dict[str, list[str]]]
    emobox: list[tuple[str, ...]]
    commands: list[str]


def tables(scored: Scored) -> BaselineTables:
    """Return the tables; real runs and those of the synthetic sample do not share one."""
    split = _has_real_runs(scored)
    first = [system for system in systems(scored) if not (split and _is_sampled(system))]
    sampled = [system for system in systems(scored) if system not in first]
    return BaselineTables(
        rows=list(_rows(scored, first)),
        synthetic=any(map(_is_sampled, first)),
        sample_rows=list(_rows(scored, sampled)),
        additional=[system.name for system in first if not _is_studied(system.name)],
        skipped=_skipped(scored),
        emobox=list(_emobox_rows(scored)),
        commands=list(_commands(scored)),
    )


def accuracies(scored: Scored) -> tuple[dict[str, dict[str, Interval]], bool]:
    """Return the figure's accuracies, by system and channel.

    Returns:
        them, and whether they are of the synthetic sample because there are no others
    """
    rows = {}
    real = _has_real_runs(scored)
    for system in systems(scored):
        if real and _is_sampled(system):
            continue
        for channel in _channels(system):
            dots: dict[str, Interval] = {}
            if shares := _published(system.name, channel):
                dots[plots.PUBLISHED] = _published_interval(shares)
            for protocol, kind in _KINDS.items():
                if figures := _figures(scored, system, channel, protocol):
                    dots[kind] = figures["accuracy"]
            if dots:
                rows[f"{system.name}, {channel}"] = dots
    return rows, is_synthetic(scored) and not real


def is_synthetic(scored: Scored) -> bool:
    """Return whether some of the baselines were run on the synthetic sample."""
    return any(map(_is_sampled, scored.published.manifest.systems))


def systems(scored: Scored) -> Iterator[System]:
    """Return the study's systems in its order, then the others that were run."""
    published = {system.name: system for system in scored.published.manifest.systems}
    for name in SYSTEMS:
        yield published.pop(name, System(name=name))
    yield from published.values()


def _rows(scored: Scored, shown: Iterable[System]) -> Iterator[tuple[str, ...]]:
    """Return a row for each system and channel that has a figure."""
    for system in shown:
        for channel in _channels(system):
            figures = [_figures(scored, system, channel, protocol) for protocol in _SPLITS]
            if any(figures):
                name = code(system.name) + " (synthetic)" * _is_sampled(system)
                cells = [cell for protocol in figures for cell in _cells(protocol)]
                yield name, channel, _published_share(system.name, channel) or _NO_FIGURE, *cells


def _emobox_rows(scored: Scored) -> Iterator[tuple[str, ...]]:
    """Return a row for each system and channel with figures on EmoBox's folds."""
    for system in systems(scored):
        for channel in _channels(system):
            figures = _figures(scored, system, channel, "emobox")
            if figures and not system.synthetic:
                yield code(system.name), channel, *_cells(figures)


def _cells(figures: Figures | None) -> tuple[str, str]:
    """Return accuracy and UAR; in a narrow column an interval goes to the second line unbroken."""
    if not figures:
        return _NOT_RUN, _NOT_RUN
    accuracy, uar = (
        str(figures[name]).replace(", ", ",\N{NO-BREAK SPACE}") for name in ("accuracy", "uar")
    )
    return accuracy, uar


def _skipped(scored: Scored) -> dict[str, dict[str, list[str]]]:
    """Return what was not run, as `BaselineTables` has it."""
    reasons: dict[str, dict[str, dict[str, list[str]]]] = {}
    for system in systems(scored):
        skipped_runs: dict[tuple[str, str], str] = {
            (run.channel, run.protocol): run.reason for run in system.skipped_runs
        }
        for channel in _channels(system):
            for protocol in _SPLITS:
                if not _figures(scored, system, channel, protocol):
                    reason = system.skipped or skipped_runs.get((channel, protocol))
                    by_system = reasons.setdefault(reason or "no run of it is published", {})
                    by_channel = by_system.setdefault(system.name, {})
                    by_channel.setdefault(channel, []).append(protocol)
    return {
        reason: {name: _details(name, channels) for name, channels in by_system.items()}
        for reason, by_system in reasons.items()
    }


def _commands(scored: Scored) -> Iterator[str]:
    """Return a command for the systems that share an extractor and have no run."""
    lacking = {system.name for system in systems(scored) if not system.runs}
    for names, prepare in _FEATURES.items():
        if skipped := [name for name in names if name in lacking]:
            yield f"{prepare} && avemo baselines run {' '.join(skipped)}"


def _details(name: str, channels: dict[str, list[str]]) -> list[str]:
    """Return which channels of a system were not run, unless all were, and what was published.

    Args:
        channels: the protocols by channel that were not run
    """
    everything = len(channels) == len(CHANNELS) and all(
        len(protocols) == len(_SPLITS) for protocols in channels.values()
    )
    details = []
    for channel, protocols in channels.items():
        if len(protocols) < len(_SPLITS):
            details.append(f"{channel}, {_SPLITS[protocols[0]]}")
        elif share := _published_share(name, channel):
            details.append(f"{channel}, published: {share}")
        elif not everything:
            details.append(channel)
    return details


def _has_real_runs(scored: Scored) -> bool:
    return any(system.runs and not system.synthetic for system in systems(scored))


def _is_sampled(system: System) -> bool:
    return system.synthetic and bool(system.runs)


def _is_studied(name: str) -> bool:
    return name in SYSTEMS and SYSTEMS[name].from_study


def _channels(system: System) -> list[str]:
    """Return all channels of a system of the study; of another, those that it was to run on."""
    planned = {run.channel for run in system.runs} | {run.channel for run in system.skipped_runs}
    everything = system.name in SYSTEMS or not planned
    return [channel for channel in CHANNELS if everything or channel in planned]


def _published(name: str, channel: str) -> tuple[float, ...]:
    """Return the published accuracies: none, one, or the lowest and the highest of several."""
    return SYSTEMS[name].accuracy.get(channel, ()) if name in SYSTEMS else ()


def _published_share(name: str, channel: str) -> str:
    """Return the published accuracy as text; empty where the study published none."""
    return " to ".join(f"{share:.2f}" for share in _published(name, channel))


def _published_interval(shares: tuple[float, ...]) -> Interval:
    """Return a dot; where the study had several, the middle of them and their range."""
    middle = sum(shares) / len(shares)
    return Interval(middle) if len(shares) == 1 else Interval(middle, min(shares), max(shares))


def _figures(scored: Scored, system: System, channel: str, protocol: str) -> Figures | None:
    for run in system.runs:
        if (run.channel, run.protocol) == (channel, protocol):
            return scored.figures[system.predictions(run)]
    return None
