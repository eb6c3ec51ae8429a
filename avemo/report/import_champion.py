"""A finished cross-validation becomes the champion of the channel that it was trained on."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..paths import Project
from ..records import CrossValidationResult, SearchResult, Skipped, read_or_skipped
from . import published
from .contribution import SYNTHETIC, Contribution
from .manifest import Champion, Fold, Manifest, Run, Trial
from .tracked import corpus_of, describe_run, find_run

if TYPE_CHECKING:
    from mlflow.entities import Run as TrackedRun

__all__ = ["import_champion"]

#: the stage's files
_PREDICTIONS, _UNCALIBRATED = "predictions.csv", "uncalibrated.csv"
#: before a fold's number, in a trial's metrics
_FOLD_METRIC = "val_uar_fold_"


def import_champion(
    project: Project, file: Path, name: str, before: Manifest
) -> Contribution[list[Champion]]:
    """Return the champions that are to be published: a new one takes its channel's place.

    Champions of the synthetic sample never stand beside those of real recordings, and give way.

    Args:
        project: whose stage it is
        file: the cross-validation's result
        name: what an error calls the file
        before: what is published
    """
    result = read_or_skipped(CrossValidationResult, file)
    old = before.champions
    if isinstance(result, Skipped):
        return Contribution(old, f"not imported, because it is not run here: {result.reason}")
    if result.protocol != "actor":
        return Contribution(
            old, f"not imported, because its protocol is {result.protocol}, and not actor"
        )
    if not all(actor.isdecimal() for fold in result.folds for actor in fold.actors):
        return Contribution(old, "not imported, because its speakers are not RAVDESS's alone")
    if result.synthetic and any(not champion.synthetic for champion in old):
        return Contribution(old, f"not imported, because {SYNTHETIC}")
    rows = published.read_predictions(
        file.parent / _PREDICTIONS, f"{Path(name).parent}/{_PREDICTIONS}"
    )
    tracked = find_run(result.run_id)
    run = describe_run(tracked)
    champion = Champion(
        channel=published.channel_of(rows),
        corpus=corpus_of(tracked, result.synthetic, result.protocol),
        synthetic=result.synthetic,
        protocol=result.protocol,
        performances=len(rows),
        run=run,
        folds=[
            Fold(
                **fold.model_dump(exclude={"run_id", "run_name", "actors", "corpora"}),
                actors=[int(actor) for actor in fold.actors],
                run=describe_run(find_run(fold.run_id), run),
            )
            for fold in result.folds
        ],
        trials=_current_trials(project, run),
    )
    others = _other_trials(tracked, champion, before.champion(champion.channel))
    champion = champion.model_copy(update={"others": others})
    remaining = [
        other
        for other in old
        if other.channel != champion.channel and other.synthetic == champion.synthetic
    ]
    return Contribution(
        [*remaining, champion],
        f"imported as {champion.channel}, {champion.performances:,} performances of run "
        f"{run.run_name} ({run.run_id})",
        {
            champion.predictions: file.parent / _PREDICTIONS,
            champion.uncalibrated: file.parent / _UNCALIBRATED,
        },
    )


def _current_trials(project: Project, parent: Run) -> list[Trial]:
    """Return what the project's own search tried; nothing where it has no result."""
    file = project.search_result("audio")
    result = read_or_skipped(SearchResult, file) if file.exists() else None
    return _trials(result, parent) if isinstance(result, SearchResult) else []


def _trials(search_result: SearchResult, parent: Run) -> list[Trial]:
    """Return what a search tried, with the figures that its runs have of each inner fold."""
    trials = []
    for trial in search_result.trials:
        tracked = find_run(trial.run_id)
        folds = {
            name.removeprefix(_FOLD_METRIC): value
            for name, value in sorted(tracked.data.metrics.items())
            if name.startswith(_FOLD_METRIC)
        }
        run = describe_run(tracked, parent)
        trials.append(Trial(hyperparameters=trial.hyperparameters, folds=folds, run=run))
    return trials


def _other_trials(
    tracked: "TrackedRun", champion: Champion, before: Champion | None
) -> list[Trial]:
    """Return what other searches tried on the same recordings and folds: tracked, or published.

    Args:
        tracked: the champion's run
        before: what is published of the same channel
    """
    import mlflow

    query = (
        "attributes.status = 'FINISHED' and attributes.run_name = 'search' "
        f"and tags.avemo.corpus = '{champion.corpus}' "
        f"and tags.avemo.split = '{tracked.data.tags.get('avemo.split', '')}'"
    )
    searches = mlflow.MlflowClient().search_runs([tracked.info.experiment_id], query)
    trials = []
    for search in searches:
        uri = f"{search.info.artifact_uri}/search.json"
        result = SearchResult.parse(mlflow.artifacts.load_dict(uri), uri)
        trials += _trials(result, describe_run(search))
    if before and _same_folds(before, champion):
        trials += [*before.trials, *before.others]
    own = {trial.run.run_id for trial in champion.trials}
    by_run = {trial.run.run_id: trial for trial in trials if trial.run.run_id not in own}
    return list(by_run.values())


def _same_folds(first: Champion, second: Champion) -> bool:
    """Return whether two champions of a channel are of the same recordings and folds."""
    a, b = (
        (champion.corpus, champion.performances, {f.fold: f.actors for f in champion.folds})
        for champion in (first, second)
    )
    return a == b
