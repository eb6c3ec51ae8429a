"""The original study's systems beside what was published of them."""

from collections.abc import Iterable, Iterator

from ..baselines.published import CHANNELS, SYSTEMS
from ..evaluation.bootstrap import Interval
from ..page import code, plain, table
from . import plots
from .facts import System
from .judged import Figures, Judged, caption

__all__ = ["accuracies", "sections", "synthetic", "systems"]

_KINDS = {"random": plots.RANDOM, "actor": plots.ACTOR}
_SPLITS = {"random": "random split", "actor": "unseen actors"}
_NOTHING = "–"
_HEAD = (
    *("system", "channel", "published: accuracy"),
    *(f"{split}: {figure}" for split in _SPLITS.values() for figure in ("accuracy", "UAR")),
)


def sections(judged: Judged) -> list[str]:
    """In Markdown: the table, what could not be run and why, and how to read it.

    Where there are real runs, those of the synthetic sample have a table of their own.
    """
    apart = _real(judged)
    first = [one for one in systems(judged) if not (apart and _sampled(one))]
    lines, missing = _lines(judged, first)
    text = (
        "The original study's systems, which listen, see (`face-`) or do both (`av-`): as "
        "published, run here by the study's protocol, and run here on actors whom no model knows."
    )
    if others := [code(one.name) for one in first if not _studied(one.name)]:
        text += f" The study had no {' and no '.join(others)}."
    out = [caption(text, any(map(_sampled, first))), table(_HEAD, lines)] if lines else []
    if sampled := [one for one in systems(judged) if one not in first]:
        lines, more = _lines(judged, sampled)
        out += [caption("Run on the sample alone.", True), table(_HEAD, lines)]
        missing += more
    return [
        *out,
        f"The published figures are of random splits and came without an interval; {_NOTHING} "
        "stands where the study published none. Those of systems that see came without a channel "
        "and stand under both. Of its three ways to join sound and picture the study gave one "
        "figure, the audio-visual model's, which stands beside `av-modules`.",
        "The study dealt performances to parts at random, so that every actor who is tested was "
        "heard in training, often with the same sentence in the same emotion. What such a split "
        "measures is in part how well a voice is known, and it is higher than what is recognised "
        "of a stranger. Figures by the random split compare with the published ones and with "
        "nothing else; the champion compares with those of unseen actors.",
        *_reasons(missing),
    ]


def _lines(
    judged: Judged, among: Iterable[System]
) -> tuple[list[tuple[str, ...]], list[tuple[System, str, str]]]:
    """Return the table's rows, and what was not run.

    A channel without any run has no row: the list below the table names it.
    """
    lines, missing = [], []
    for system in among:
        for channel in _channels(system):
            found = [_figures(judged, system, channel, protocol) for protocol in _SPLITS]
            missing += [
                (system, channel, protocol)
                for protocol, figures in zip(_SPLITS, found, strict=True)
                if not figures
            ]
            if not any(found):
                continue
            cells = [
                _cell(figures[name]) if figures else "not run"
                for figures in found
                for name in ("accuracy", "uar")
            ]
            name = code(system.name) + " (synthetic)" * _sampled(system)
            lines.append((name, channel, _share(system.name, channel) or _NOTHING, *cells))
    return lines, missing


def _share(name: str, channel: str) -> str:
    """Return the published accuracy; empty where the study published none."""
    return " to ".join(f"{share:.2f}" for share in _published(name).get(channel, ()))


def accuracies(judged: Judged) -> tuple[dict[str, dict[str, Interval]], bool]:
    """For the figure: by system and channel, the accuracies that there are.

    Returns:
        them, and whether they are of the synthetic sample, for want of others
    """
    rows = {}
    for system in systems(judged):
        if _real(judged) and _sampled(system):
            continue
        for channel in _channels(system):
            found: dict[str, Interval] = {}
            if channel in _published(system.name):
                found[plots.PUBLISHED] = _published_interval(_published(system.name)[channel])
            for protocol, kind in _KINDS.items():
                if figures := _figures(judged, system, channel, protocol):
                    found[kind] = figures["accuracy"]
            if found:
                rows[f"{system.name}, {channel}"] = found
    return rows, synthetic(judged) and not _real(judged)


def synthetic(judged: Judged) -> bool:
    """Whether some of these runs were on the synthetic sample."""
    return any(_sampled(system) for system in judged.kept.facts.systems)


def systems(judged: Judged) -> Iterator[System]:
    """The study's in its order, then others that were run."""
    there = {system.name: system for system in judged.kept.facts.systems}
    for name in SYSTEMS:
        yield there.pop(name, System(name=name))
    yield from there.values()


def _real(judged: Judged) -> bool:
    return any(one.runs and not one.synthetic for one in systems(judged))


def _sampled(system: System) -> bool:
    return system.synthetic and bool(system.runs)


def _cell(figure: Interval) -> str:
    """In a narrow column the interval goes to the second line as a whole."""
    return str(figure).replace(", ", ",\N{NO-BREAK SPACE}")


def _channels(system: System) -> list[str]:
    """All of a system of the study; of another, those that it was to be run on."""
    meant = {one.channel for one in system.runs} | {one.channel for one in system.left_out}
    every = system.name in SYSTEMS or not meant
    return [channel for channel in CHANNELS if every or channel in meant]


def _studied(name: str) -> bool:
    return name in SYSTEMS and SYSTEMS[name].studied


def _published(name: str) -> dict[str, tuple[float, ...]]:
    return SYSTEMS[name].accuracy if name in SYSTEMS else {}


def _published_interval(shares: tuple[float, ...]) -> Interval:
    """A dot; where the study had several, the middle of them and their reach."""
    middle = sum(shares) / len(shares)
    if len(shares) == 1:
        return Interval(middle, None, None, 0, 0)
    return Interval(middle, min(shares), max(shares), 0, 0)


def _figures(judged: Judged, system: System, channel: str, protocol: str) -> Figures | None:
    for run in system.runs:
        if (run.channel, run.protocol) == (channel, protocol):
            return judged.figures[system.file(run)]
    return None


def _reasons(missing: list[tuple[System, str, str]]) -> list[str]:
    """Return a line for each reason why something was not run, with all that it kept from running.

    A published accuracy stands beside what was not run at all.
    """
    reasons: dict[str, dict[str, dict[str, list[str]]]] = {}
    for system, channel, protocol in missing:
        left_out: dict[tuple[str, str], str] = {
            (run.channel, run.protocol): run.reason for run in system.left_out
        }
        reason = system.absent or left_out.get((channel, protocol), "no run of it is kept")
        channels = reasons.setdefault(reason, {}).setdefault(system.name, {})
        channels.setdefault(channel, []).append(protocol)
    items = []
    for reason, names in reasons.items():
        systems = (f"{code(name)}{_detail(name, channels)}" for name, channels in names.items())
        items.append(f"- {', '.join(systems)}: {plain(reason)}")
    return ["Not run:", "\n".join(items)] if items else []


def _detail(name: str, channels: dict[str, list[str]]) -> str:
    """Return which channels were not run, unless it is all of them, and what was published."""
    complete = len(channels) == len(CHANNELS) and all(
        len(protocols) == len(_SPLITS) for protocols in channels.values()
    )
    parts = []
    for channel, protocols in channels.items():
        if len(protocols) < len(_SPLITS):
            parts.append(f"{channel}, {_SPLITS[protocols[0]]}")
        elif share := _share(name, channel):
            parts.append(f"{channel}, published: {share}")
        elif not complete:
            parts.append(channel)
    return f" ({'; '.join(parts)})" if parts else ""
