"""docs/experiments.md: what the champion's search tried, and what of it helped."""

from statistics import mean
from typing import Any

from ..page import code, table
from .facts import Champion, Trial
from .judged import caption

__all__ = ["text"]


def text(champion: Champion) -> str:
    """The page, in Markdown."""
    out = [
        "# Experiments",
        "What the search tried for audio, best first. Each configuration was fitted once for each "
        "inner fold, on the others, and judged on it; the test fold was not heard. The first of an "
        "architecture is its defaults; the others differ from it as said, and are held against it "
        "fold by fold: the mean difference, and in how many folds it is for the better. A "
        "difference that is not for the better in nearly all folds is luck.",
        *_search(champion, champion.trials),
        "Parallel coordinates of the same: `mlflow ui`, experiment `avemo/audio`, the children of "
        f"the run `search`; they were made at commit {code(champion.run.commit[:12])}. Which of "
        "them became members is in [results.md](results.md), by fold.",
    ]
    if champion.others:
        out += [
            "## Other searches",
            "On the same recordings and folds, by other code or settings: compare within a table.",
        ]
    for commit in dict.fromkeys(one.run.commit for one in champion.others):
        out.append(f"At commit {code(commit[:12])}:")
        out += _search(champion, [one for one in champion.others if one.run.commit == commit])
    return "\n\n".join(out) + "\n"


def _search(champion: Champion, tried: list[Trial]) -> list[str]:
    """What one search tried, as a table with its caption."""
    trials = sorted(tried, key=_uar, reverse=True)
    firsts = _firsts(tried)
    return [
        caption("UAR, mean over the inner folds and on each.", champion.synthetic),
        table(
            ("run", "what", "against the defaults", "mean", *_folds(trials)),
            [
                (
                    code(one.run.run_name),
                    _what(one, firsts[_architecture(one)]),
                    _against(one, firsts[_architecture(one)]),
                    f"{_uar(one):.3f}",
                    *_each(one),
                )
                for one in trials
            ],
        ),
    ]


def _architecture(trial: Trial) -> str:
    return str(trial.hyperparameters["architecture"])


def _uar(trial: Trial) -> float:
    return mean(trial.folds.values())


def _firsts(trials: list[Trial]) -> dict[str, Trial]:
    """Of each architecture the trial with its defaults, which was run first."""
    ordered = sorted(trials, key=lambda one: one.run.run_name, reverse=True)
    return {_architecture(one): one for one in ordered}


def _folds(trials: list[Trial]) -> list[str]:
    return [f"fold {name}" for name in trials[0].folds] if trials else []


def _each(trial: Trial) -> list[str]:
    return [f"{uar:.3f}" for uar in trial.folds.values()]


def _what(trial: Trial, first: Trial) -> str:
    """The architecture, and where it differs from its defaults."""
    changed = {
        name.rpartition("/")[2]: _value(value)
        for name, value in trial.hyperparameters.items()
        if value != first.hyperparameters.get(name)
    }
    differences = ", ".join(f"{name} {value}" for name, value in changed.items())
    return f"{_architecture(trial)}: {differences or 'its defaults'}"


def _value(value: Any) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)


def _against(trial: Trial, first: Trial) -> str:
    if trial is first:
        return "–"
    differences = [uar - first.folds[name] for name, uar in trial.folds.items()]
    better = sum(one > 0 for one in differences)
    return f"{mean(differences):+.3f}, better in {better} of {len(differences)}"
