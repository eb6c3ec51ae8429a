"""Finished stages of this project become what is published in `results/audio`."""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..errors import AvemoError
from ..io import atomic_write
from ..paths import Project
from ..records import BaselineResult, CrossValidationResult, SearchResult, Skipped, read_or_skipped
from ..tracking import spool, store
from . import published
from .manifest import (
    PREDICTIONS,
    RUNS,
    UNCALIBRATED,
    Baseline,
    Champion,
    Fold,
    Manifest,
    Run,
    System,
    Trial,
)

if TYPE_CHECKING:
    from mlflow.entities import Run as TrackedRun

__all__ = ["import_runs"]

#: before a fold's number, in a trial's metrics
_FOLD_METRIC = "val_uar_fold_"

_SYNTHETIC = "it is of the synthetic sample, and what is published is of real recordings"
_ELSEWHERE = "it is not run here, and its runs elsewhere are published"
#: a path on this machine, which nobody else needs to know
_PATH = re.compile(r"(?<!\S)/\S*[^\s.,:;]")


Entry = TypeVar("Entry")


@dataclass(frozen=True)
class _Imported(Generic[Entry]):
    """What a stage contributes.

    Args:
        entry: its place in the manifest
        message: about it, for a terminal
        files: by name below `results/audio`, where a file is copied from
    """

    entry: Entry
    message: str
    files: dict[str, Path] = field(default_factory=dict)


def import_runs(project: Project) -> list[str]:
    """Publish every stage that is finished here; what is published of the others stays.

    Neither what could not be run here nor what is of the synthetic sample takes the place of a
    published run on real recordings.

    Returns:
        a line for each stage: what was imported, or not and why

    Raises:
        AvemoError: no stage is finished, a run is not in the tracking store, or a file is damaged;
            then nothing is changed
    """
    try:
        return _import_runs(project)
    except published.DamagedPredictions as error:
        raise AvemoError(
            f"nothing is imported: {error}. Run its stage again (dvc repro --force in study)"
        ) from None


def _import_runs(project: Project) -> list[str]:
    summary = project.crossvalidation("audio") / "summary.json"
    baselines = sorted(project.root.glob("study/baselines/*/runs.json"))
    finished = [*([summary] if summary.exists() else []), *baselines]
    if not finished:
        raise AvemoError(
            "no stage is finished here whose predictions could be published: run dvc repro in "
            "study, or leave --keep out to read what is published"
        )
    store.connect(project, spool=False)
    folder = project.root / published.FOLDER
    before = published.read_manifest(folder) if (folder / RUNS).exists() else Manifest()
    champion, systems = before.champion, {system.name: system for system in before.systems}
    sources = {name: folder / name for name in before.files}
    messages = []
    for file in finished:
        name = file.relative_to(project.root).as_posix()
        imported: _Imported[Any]
        if file == summary:
            imported = _import_champion(project, file, name, champion)
            champion = imported.entry
        else:
            imported = _import_system(file, name, systems)
            systems[file.parent.name] = imported.entry
        sources |= imported.files
        messages.append(f"{Path(name).parent}: {imported.message}")
    manifest = Manifest(champion=champion, systems=[systems[name] for name in sorted(systems)])
    if not manifest.files:
        raise AvemoError(
            f"no stage here made predictions that could be published: {'; '.join(messages)}"
        )
    with atomic_write(folder) as beside:
        (beside / "baselines").mkdir(parents=True)
        for name in manifest.files:
            source = sources.get(name, folder / name)
            if not source.exists():
                raise AvemoError(f"{source.relative_to(project.root)} is missing")
            shutil.copyfile(source, beside / name)
        (beside / RUNS).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
        published.read_unadvised(beside)
    return messages


def _import_champion(
    project: Project, file: Path, name: str, before: Champion | None
) -> _Imported[Champion | None]:
    """Return the champion that is to be published, with its predictions.

    Args:
        file: the cross-validation's result
        name: what an error calls the file
        before: what is published
    """
    result = read_or_skipped(CrossValidationResult, file)
    if isinstance(result, Skipped):
        return _Imported(before, f"not imported, because it is not run here: {result.reason}")
    if result.protocol != "actor":
        return _Imported(
            before, f"not imported, because its protocol is {result.protocol}, and not actor"
        )
    if not all(actor.isdecimal() for fold in result.folds for actor in fold.actors):
        return _Imported(before, "not imported, because its speakers are not RAVDESS's alone")
    if before and result.synthetic and not before.synthetic:
        return _Imported(before, f"not imported, because {_SYNTHETIC}")
    tracked = _tracked_run(result.run_id)
    run = _run(tracked)
    files = {predictions: file.parent / predictions for predictions in (PREDICTIONS, UNCALIBRATED)}
    rows = published.read_predictions(files[PREDICTIONS], f"{Path(name).parent}/{PREDICTIONS}")
    champion = Champion(
        corpus=_corpus(tracked, result.synthetic, result.protocol),
        synthetic=result.synthetic,
        protocol=result.protocol,
        performances=len(rows),
        run=run,
        folds=[
            Fold(
                **fold.model_dump(exclude={"run_id", "run_name", "actors"}),
                actors=[int(actor) for actor in fold.actors],
                run=_run(_tracked_run(fold.run_id), run),
            )
            for fold in result.folds
        ],
        trials=_current_trials(project, run),
    )
    champion = champion.model_copy(update={"others": _other_trials(tracked, champion, before)})
    message = f"{champion.performances:,} performances of run {run.run_name} ({run.run_id})"
    return _Imported(champion, f"imported, {message}", files)


def _current_trials(project: Project, parent: Run) -> list[Trial]:
    """Return what the project's own search tried; nothing where it has no result."""
    file = project.search_result("audio")
    result = read_or_skipped(SearchResult, file) if file.exists() else None
    return _trials(result, parent) if isinstance(result, SearchResult) else []


def _trials(search_result: SearchResult, parent: Run) -> list[Trial]:
    """Return what a search tried, with the figures that its runs have of each inner fold."""
    trials = []
    for trial in search_result.trials:
        tracked = _tracked_run(trial.run_id)
        folds = {
            name.removeprefix(_FOLD_METRIC): value
            for name, value in sorted(tracked.data.metrics.items())
            if name.startswith(_FOLD_METRIC)
        }
        run = _run(tracked, parent)
        trials.append(Trial(hyperparameters=trial.hyperparameters, folds=folds, run=run))
    return trials


def _other_trials(
    tracked: "TrackedRun", champion: Champion, before: Champion | None
) -> list[Trial]:
    """Return what other searches on the same corpus tried: those tracked here, and the published.

    Args:
        tracked: the champion's run
        before: what is published
    """
    import mlflow

    query = (
        "attributes.status = 'FINISHED' and attributes.run_name = 'search' "
        f"and tags.avemo.corpus = '{champion.corpus}'"
    )
    searches = mlflow.MlflowClient().search_runs([tracked.info.experiment_id], query)
    trials = []
    for search in searches:
        uri = f"{search.info.artifact_uri}/search.json"
        result = SearchResult.parse(mlflow.artifacts.load_dict(uri), uri)
        trials += _trials(result, _run(search))
    if before and before.corpus == champion.corpus:
        trials += [*before.trials, *before.others]
    own = {trial.run.run_id for trial in champion.trials}
    by_run = {trial.run.run_id: trial for trial in trials if trial.run.run_id not in own}
    return list(by_run.values())


def _import_system(file: Path, name: str, before: dict[str, System]) -> _Imported[System]:
    """Return the baseline that is to be published, with its predictions.

    Args:
        file: the stage's result
        name: what an error calls the file
        before: what is published, by system
    """
    system = file.parent.name
    result = read_or_skipped(BaselineResult, file)
    old = before.get(system)
    has_runs = isinstance(result, BaselineResult) and bool(result.runs)
    if old and old.runs and not has_runs:
        return _Imported(old, f"not imported, because {_ELSEWHERE}")
    if isinstance(result, Skipped):
        reason = _PATH.sub("…", result.reason)
        return _Imported(System(name=system, skipped=reason), f"not run: {reason}")
    if old and old.runs and result.synthetic and not old.synthetic:
        return _Imported(old, f"not imported, because {_SYNTHETIC}")
    corpora, runs, files = set(), [], {}
    for run in result.runs:
        tracked = _tracked_run(run.run_id)
        corpora.add(_corpus(tracked, result.synthetic, run.protocol))
        uar = run.test["uar"]
        runs.append(
            Baseline(
                channel=run.channel,
                protocol=run.protocol,
                performances=uar.performances,
                uar=uar.value,
                run=_run(tracked),
            )
        )
    entry = System(
        name=system,
        corpus=", ".join(sorted(corpora)),
        synthetic=result.synthetic,
        runs=runs,
        skipped_runs=result.skipped_runs,
    )
    files = {
        entry.predictions(run): file.parent / source.predictions
        for run, source in zip(runs, result.runs, strict=True)
    }
    return _Imported(entry, f"imported, runs: {len(files)}" if files else "not run", files)


def _tracked_run(run_id: str) -> "TrackedRun":
    """Return a run of the tracking store, by the id that it has there."""
    import mlflow

    try:
        return mlflow.get_run(spool.resolve_run_id(run_id))
    except mlflow.MlflowException:
        raise AvemoError(
            f"the run {run_id} is not at {mlflow.get_tracking_uri()}: set {store.TRACKING_URI} to "
            "where it is, or run its stage again: dvc repro --force in study"
        ) from None


def _run(tracked: "TrackedRun", parent: Run | None = None) -> Run:
    """Return what is published of a run; a child is of its parent's commit."""
    import mlflow

    tags = tracked.data.tags
    return Run(
        experiment=mlflow.get_experiment(tracked.info.experiment_id).name,
        run_id=tracked.info.run_id,
        run_name=tracked.info.run_name,
        commit=parent.commit if parent else tags.get("mlflow.source.git.commit", ""),
        changed=parent.changed if parent else tags.get("avemo.dirty") == "true",
        params=dict(sorted(tracked.data.params.items())),
    )


def _corpus(tracked: "TrackedRun", synthetic: bool, protocol: str) -> str:
    """Return the corpus that a run was made on; what its stage says of it must agree."""
    corpus = str(tracked.data.tags.get("avemo.corpus", ""))
    tagged = tracked.data.tags.get("avemo.protocol", protocol)
    if tagged != protocol or ("synthetic" in corpus) != synthetic:
        raise AvemoError(
            f"the run {tracked.info.run_id} is on {corpus or 'an unknown corpus'} by protocol "
            f"{tagged}, and its stage says otherwise: run it again (dvc repro --force in study)"
        )
    return corpus
