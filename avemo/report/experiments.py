"""docs/experiments.md: what the champions' searches tried, and what of it helped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

from ..page import code
from ..templates import render
from .manifest import Champion, Trial

__all__ = ["render_experiments"]


@dataclass(frozen=True)
class _Search:
    """What one search tried, as a table.

    Args:
        commit: of its code, twelve digits
    """

    commit: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]


def render_experiments(champions: Sequence[Champion]) -> str:
    """Return the page in Markdown.

    Args:
        champions: whose searches are published, at least one
    """
    return render(
        "avemo.report",
        "experiments.md.j2",
        searches={champion.channel: _searches(champion) for champion in champions},
        synthetic=champions[0].synthetic,
    )


def _searches(champion: Champion) -> list[_Search]:
    """Return the champion's own search, then others, by the commit of their code."""
    searches = [_search(champion.run.commit, champion.trials)]
    for commit in dict.fromkeys(trial.run.commit for trial in champion.others):
        trials = [trial for trial in champion.others if trial.run.commit == commit]
        searches.append(_search(commit, trials))
    return searches


def _search(commit: str, trials: list[Trial]) -> _Search:
    folds = [f"fold {number}" for number in trials[0].folds]
    head = ("run", "what", "against the defaults", "mean", *folds)
    return _Search(commit[:12], head, list(_rows(trials)))


def _rows(trials: list[Trial]) -> Iterator[tuple[str, ...]]:
    """Return a row for each trial, best first."""
    defaults = _default_trials(trials)
    for trial in sorted(trials, key=_uar, reverse=True):
        default = defaults[_architecture(trial)]
        yield (
            code(trial.run.run_name),
            f"{_architecture(trial)}: {_differences(trial, default)}",
            _gain(trial, default),
            f"{_uar(trial):.3f}",
            *(f"{uar:.3f}" for uar in trial.folds.values()),
        )


def _architecture(trial: Trial) -> str:
    return str(trial.hyperparameters["architecture"])


def _uar(trial: Trial) -> float:
    return mean(trial.folds.values())


def _default_trials(trials: list[Trial]) -> dict[str, Trial]:
    """Return the trial with each architecture's defaults, which ran first."""
    latest_first = sorted(trials, key=lambda trial: trial.run.run_name, reverse=True)
    return {_architecture(trial): trial for trial in latest_first}


def _differences(trial: Trial, default: Trial) -> str:
    """Return where a configuration differs from its architecture's defaults."""
    changed = {
        name.rpartition("/")[2]: value
        for name, value in trial.hyperparameters.items()
        if value != default.hyperparameters.get(name)
    }
    differences = (
        f"{name} {value:.2g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in changed.items()
    )
    return ", ".join(differences) or "its defaults"


def _gain(trial: Trial, default: Trial) -> str:
    """Return by how much a trial is better than its architecture's defaults."""
    if trial is default:
        return "–"
    gains = [uar - default.folds[number] for number, uar in trial.folds.items()]
    better = sum(gain > 0 for gain in gains)
    return f"{mean(gains):+.3f}, better in {better} of {len(gains)}"
