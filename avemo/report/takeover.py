"""Finished stages of this project, taken over into `results/audio` with what made them."""

import re
import shutil
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field

from ..errors import AvemoError
from ..files import whole
from ..project import Project
from ..tracking import pointer, spool, store
from . import kept
from .facts import (
    PREDICTIONS,
    RUNS,
    UNCALIBRATED,
    Baseline,
    Champion,
    Channel,
    Facts,
    Fold,
    LeftOut,
    Name,
    Protocol,
    Run,
    System,
    Trial,
)
from .facts import read as read_facts

__all__ = ["takeover"]

#: by name below `results/audio`, where a file is copied from
Files = dict[str, Path]

#: before a fold's number, in a trial's metrics
_OF_FOLD = "val_uar_fold_"

_SYNTHETIC = "it is of the synthetic sample, and what is kept is of real recordings"
_ELSEWHERE = "it is not run here, and its runs elsewhere are kept"
#: a path on this machine, which nobody else needs to know
_PATH = re.compile(r"(?<!\S)/\S*[^\s.,:;]")


class _Fold(BaseModel):
    fold: int
    actors: list[int]
    members: list[str]
    configurations: Annotated[
        list[dict[str, Any]],
        BeforeValidator(lambda value: [value] if isinstance(value, dict) else value),
        Field(validation_alias=AliasChoices("configurations", "configuration")),
    ]
    inner_uar: float
    temperature: float
    uar: float
    run_id: str


class _Absent(BaseModel):
    """What every stage leaves where it had nothing to do."""

    absent: str = ""


class _Champion(BaseModel):
    """What the cross-validation leaves besides its predictions."""

    synthetic: bool
    protocol: Literal["actor"]
    run_id: str
    folds: list[_Fold]
    seconds: dict[str, float] = {}


class _Figure(BaseModel):
    value: float
    performances: int


class _Baseline(BaseModel):
    channel: Channel
    protocol: Protocol
    run_id: str
    predictions: str
    test: dict[str, _Figure]


class _System(_Absent):
    """What a baseline's stage leaves besides its predictions."""

    system: Name
    synthetic: bool = False
    runs: list[_Baseline] = []
    left_out: list[LeftOut] = []


def takeover(project: Project) -> list[str]:
    """Take over every stage that is finished here; what was kept of the others stays.

    Neither what could not be run here nor what is of the synthetic sample takes the place of what
    was kept of a real run.

    Returns:
        a line for each stage: what was taken, or left and why

    Raises:
        AvemoError: no stage is finished, a run is not in the tracking store, or a file is damaged;
            then everything stays as it was kept
    """
    try:
        return _takeover(project)
    except kept.Damaged as error:
        raise AvemoError(
            f"nothing is taken: {error}. Run its stage again (dvc repro --force in study)"
        ) from None


def _takeover(project: Project) -> list[str]:
    summary = project.crossvalidation("audio") / "summary.json"
    stages = sorted(project.root.glob("study/baselines/*/runs.json"))
    finished = [*([summary] if summary.exists() else []), *stages]
    if not finished:
        raise AvemoError(
            "no stage is finished here whose predictions could be kept: run dvc repro in study, or "
            "leave --keep out to read what is kept"
        )
    store.connect(project, spool=False)
    folder = project.root / kept.FOLDER
    before = kept.facts(folder) if (folder / RUNS).exists() else Facts()
    champion, systems = before.champion, {system.name: system for system in before.systems}
    files = _files(before, folder)
    said = []
    for file in finished:
        place = file.parent.relative_to(project.root).as_posix()
        if file is summary:
            champion, more, line = _champion(project, file, place, champion)
        else:
            one, more, line = _system(file, place, systems)
            systems[one.name] = one
        files |= more
        said.append(f"{place}: {line}")
    facts = Facts(champion=champion, systems=[systems[name] for name in sorted(systems)])
    if not facts.files:
        raise AvemoError(f"no stage here made predictions that could be kept: {'; '.join(said)}")
    with whole(folder) as beside:
        (beside / "baselines").mkdir(parents=True)
        for name in _files(facts, folder):
            if not files[name].exists():
                raise AvemoError(f"{files[name].relative_to(project.root)} is missing")
            shutil.copyfile(files[name], beside / name)
        pointer.write(beside / RUNS, facts.model_dump())
        kept.checked(beside)
    return said


def _files(facts: Facts, folder: Path) -> Files:
    return {name: folder / name for name in facts.files}


def _champion(
    project: Project, file: Path, place: str, before: Champion | None
) -> tuple[Champion | None, Files, str]:
    """What is to be kept of the champion, where from, and what is said of it."""
    if reason := read_facts(_Absent, file, f"{place}/{file.name}").absent:
        return before, {}, f"left, for it is not run here: {reason}"
    found = read_facts(_Champion, file, f"{place}/{file.name}")
    if before and found.synthetic and not before.synthetic:
        return before, {}, f"left, for {_SYNTHETIC}"
    parent = _tracked(found.run_id)
    run = _run(parent)
    names = (PREDICTIONS, UNCALIBRATED)
    tried = pointer.read(project.search("audio") / "found.json")
    champion = Champion(
        corpus=_corpus(parent, found.synthetic, found.protocol),
        synthetic=found.synthetic,
        protocol=found.protocol,
        performances=len(kept.table(file.parent / PREDICTIONS, f"{place}/{PREDICTIONS}")),
        run=run,
        folds=[
            Fold(**one.model_dump(exclude={"run_id"}), run=_run(_tracked(one.run_id), run))
            for one in found.folds
        ],
        trials=_trials(tried, run),
        seconds=found.seconds,
    )
    champion = champion.model_copy(update={"others": _others(parent, champion, before)})
    line = f"taken, {champion.performances:,} performances of run {run.run_name} ({run.run_id})"
    return champion, {name: file.parent / name for name in names}, line


def _trials(found: dict[str, Any], parent: Run) -> list[Trial]:
    """What a search tried, with the figures that its runs have of each inner fold."""
    made = []
    for one in found.get("trials", []):
        tracked = _tracked(one["run_id"])
        folds = {
            name.removeprefix(_OF_FOLD): value
            for name, value in sorted(tracked.data.metrics.items())
            if name.startswith(_OF_FOLD)
        }
        run = _run(tracked, parent)
        made.append(Trial(hyperparameters=one["hyperparameters"], folds=folds, run=run))
    return made


def _others(tracked: Any, champion: Champion, before: Champion | None) -> list[Trial]:
    """What other searches on the same corpus tried: those tracked here, and those kept before."""
    import mlflow

    query = (
        "attributes.status = 'FINISHED' and attributes.run_name = 'search' "
        f"and tags.avemo.corpus = '{champion.corpus}'"
    )
    searches = mlflow.MlflowClient().search_runs([tracked.info.experiment_id], query)
    made = []
    for search in searches:
        found = mlflow.artifacts.load_dict(f"{search.info.artifact_uri}/found.json")
        made += _trials(found, _run(search))
    if before and before.corpus == champion.corpus:
        made += [*before.trials, *before.others]
    known = {one.run.run_id for one in champion.trials}
    return list({one.run.run_id: one for one in made if one.run.run_id not in known}.values())


def _system(file: Path, place: str, before: dict[str, System]) -> tuple[System, Files, str]:
    """What is to be kept of a baseline, where from, and what is said of it."""
    found = read_facts(_System, file, f"{place}/{file.name}")
    old = before.get(found.system)
    if old and old.runs and not found.runs:
        return old, {}, f"left, for {_ELSEWHERE}"
    if old and old.runs and found.synthetic and not old.synthetic:
        return old, {}, f"left, for {_SYNTHETIC}"
    tracked = [_tracked(one.run_id) for one in found.runs]
    corpora = {
        _corpus(run, found.synthetic, one.protocol)
        for one, run in zip(found.runs, tracked, strict=True)
    }
    system = System(
        name=found.system,
        corpus=", ".join(sorted(corpora)),
        synthetic=found.synthetic,
        runs=[
            Baseline(
                channel=one.channel,
                protocol=one.protocol,
                performances=one.test["uar"].performances,
                uar=one.test["uar"].value,
                run=_run(run),
            )
            for one, run in zip(found.runs, tracked, strict=True)
        ],
        left_out=found.left_out,
        absent=_PATH.sub("…", found.absent),
    )
    files = {
        system.file(made): file.parent / one.predictions
        for made, one in zip(system.runs, found.runs, strict=True)
    }
    line = f"taken, runs: {len(files)}" if files else "not run"
    return system, files, line + (f": {system.absent}" if system.absent else "")


def _tracked(run_id: str) -> Any:
    """A run in the tracking store, by the id that it has there."""
    import mlflow

    try:
        return mlflow.get_run(spool.there(run_id))
    except mlflow.MlflowException:
        raise AvemoError(
            f"the run {run_id} is not at {mlflow.get_tracking_uri()}: set {store.TRACKING_URI} to "
            "where it is, or run its stage again: dvc repro --force in study"
        ) from None


def _run(tracked: Any, parent: Run | None = None) -> Run:
    """What is kept of a run; a child is of its parent's commit."""
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


def _corpus(tracked: Any, synthetic: bool, protocol: str) -> str:
    """The corpus that a run was made on; what its stage says of it must agree."""
    corpus = str(tracked.data.tags.get("avemo.corpus", ""))
    dealt = tracked.data.tags.get("avemo.protocol", protocol)
    if dealt != protocol or ("synthetic" in corpus) != synthetic:
        raise AvemoError(
            f"the run {tracked.info.run_id} is on {corpus or 'an unknown corpus'} by protocol "
            f"{dealt}, and its stage says otherwise: run it again (dvc repro --force in study)"
        )
    return corpus
