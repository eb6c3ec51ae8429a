"""A finished baseline's runs take the places of the published ones that they repeat."""

import re
from itertools import product
from pathlib import Path
from typing import get_args

from ..baselines.published import CHANNELS
from ..records import BaselineResult, BaselineRun, Protocol, Skipped, SkippedRun, read_or_skipped
from .contribution import SYNTHETIC, Contribution
from .manifest import Baseline, System
from .tracked import corpus_of, describe_run, find_run

__all__ = ["import_baseline"]

_ELSEWHERE = "it is not run here, and its runs elsewhere are published"
#: a path on this machine, which nobody else needs to know
_PATH = re.compile(r"(?<!\S)/\S*[^\s.,:;]")

#: a channel and a protocol
Place = tuple[str, str]
#: every one, in the order of the pages
_PLACES: tuple[Place, ...] = tuple(product(CHANNELS, get_args(Protocol)))


def import_baseline(file: Path, old: System | None) -> Contribution[System]:
    """Return the system that is to be published, with the new predictions.

    A run takes the place of the published one on the same channel, by the same protocol. Runs on
    the synthetic sample never stand beside those on real recordings, and give way.

    Args:
        file: the stage's result
        old: what is published of the system
    """
    name = file.parent.name
    old = old or System(name=name)
    result = read_or_skipped(BaselineResult, file)
    if old.runs and (isinstance(result, Skipped) or not result.runs):
        return Contribution(old, f"not imported, because {_ELSEWHERE}")
    if isinstance(result, Skipped):
        reason = _PATH.sub("…", result.reason)
        return Contribution(System(name=name, skipped=reason), f"not run: {reason}")
    if old.runs and result.synthetic and not old.synthetic:
        return Contribution(old, f"not imported, because {SYNTHETIC}")
    new = {_place(run): (run, _baseline(run, result.synthetic)) for run in result.runs}
    remaining = {
        _place(run): run
        for run in old.runs
        if old.synthetic == result.synthetic and _place(run) not in new
    }
    runs = remaining | {place: baseline for place, (_, baseline) in new.items()}
    skipped = {_place(run): run for run in (*old.skipped_runs, *result.skipped_runs)}
    entry = System(
        name=name,
        synthetic=result.synthetic,
        runs=[runs[place] for place in _PLACES if place in runs],
        skipped_runs=[skipped[place] for place in _PLACES if place in skipped.keys() - runs],
    )
    files = {
        entry.predictions(baseline): file.parent / run.predictions for run, baseline in new.values()
    }
    message = f"imported, runs: {len(files)}" if files else "not run"
    if remaining:
        message += f"; published ones that stay: {len(remaining)}"
    return Contribution(entry, message, files)


def _place(run: Baseline | BaselineRun | SkippedRun) -> Place:
    return run.channel, run.protocol


def _baseline(run: BaselineRun, synthetic: bool) -> Baseline:
    """Return what is published of a run."""
    tracked = find_run(run.run_id)
    uar = run.test["uar"]
    return Baseline(
        channel=run.channel,
        protocol=run.protocol,
        corpus=corpus_of(tracked, synthetic, run.protocol),
        performances=uar.performances,
        uar=uar.value,
        run=describe_run(tracked),
    )
