"""What made a run, written down when it starts: `lineage.json`.

Beside it stands what it takes to make the run again: dvc.lock, whether it was committed or not, and
the changes to the code that were not.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field, JsonValue

from ..corpus.licences import list_licences
from ..corpus.selection import read_catalogue
from ..errors import AssetError
from ..features import store
from ..features.spec import FeatureSpec
from ..paths import Project
from ..pretrained import assets
from ..records import Configuration
from ..schema import Record, Value
from ..settings import Settings
from . import dvc_lock
from .dvc_lock import StageFiles
from .git_state import DIFF, GitState
from .machine import Machine, installed_packages

__all__ = [
    "FILE",
    "Lineage",
    "Member",
    "ModelChoice",
    "PretrainedFile",
    "log",
    "record",
]

FILE = "lineage.json"


class PretrainedFile(Value):
    """A pretrained file that an extractor takes.

    Args:
        source: who published it
        licence: what it may be used for
        sha256: its checksum; empty where the file is gone and the features outlived it
    """

    source: str
    licence: str
    sha256: str


class Member(Value):
    """A member of a trained ensemble.

    Args:
        seed: of its training
        trial_run_id: the trial's run that chose it; empty where there was nothing to choose by
        configuration: its architecture and hyperparameters
    """

    seed: int
    trial_run_id: str
    configuration: Configuration


class ModelChoice(Value):
    """What the run of a training trains: the members that a search chose.

    Args:
        search_run_id: the search's run in MLflow
        members: in the ensemble's order
    """

    search_run_id: str
    members: list[Member]


class Lineage(Record):
    """What made a run: `lineage.json`.

    Args:
        run_id: the run's id in MLflow
        run_name: its name in MLflow's UI
        time: when it started, ISO 8601, UTC
        stage: as in dvc.yaml, such as `train@audio`
        commit: of the code; empty where the project is in no repository
        dirty: whether anything differed from the commit
        diff: the SHA-256 of what was not committed; empty where nothing was
        split_id: of the split that it used; empty where there is none
        protocol: of that split; empty where there is none
        data: the md5 of each data dependency of the stage
        upstream: the stages that made the data, and theirs
        recordings: the md5 of each, by its path below data/raw
        licences: of the corpora that they are of; none for the synthetic sample
        settings: the whole of params.yaml
        seed: of the run
        extractors: by name, what the features were computed by
        assets: by name, the pretrained files that the extractors take
        packages: the version of each installed package
        machine: that it ran on
        choice: of a training, what it trained; else None
    """

    run_id: str
    run_name: str
    time: str
    stage: str
    commit: str
    dirty: bool
    diff: str
    split_id: str
    protocol: str
    data: dict[str, str]
    upstream: dict[str, StageFiles]
    recordings: dict[str, str]
    settings: dict[str, JsonValue]
    seed: int
    extractors: dict[str, FeatureSpec]
    assets: dict[str, PretrainedFile]
    packages: dict[str, str]
    machine: Machine
    choice: ModelChoice | None = Field(default=None)
    licences: dict[str, str] = Field(default_factory=dict)


def record(
    project: Project,
    settings: Settings,
    stage: str,
    git_state: GitState,
    *,
    run_id: str,
    run_name: str,
    split_id: str,
    protocol: str,
    features: Iterable[FeatureSpec] | None = None,
    choice: ModelChoice | None = None,
) -> Lineage:
    """Return the lineage of a run that starts now.

    Args:
        stage: as in dvc.yaml
        git_state: the code that is run
        run_id: the run's id in MLflow
        run_name: its name in MLflow's UI
        split_id: of the split that it uses
        protocol: of that split
        features: those that the run uses; None for all that the stage depends on
        choice: of a training, what it trains
    """
    lock = dvc_lock.read(project)
    data = lock.data(stage)
    extractors = _by_extractor(_stage_features(project, data) if features is None else features)
    return Lineage(
        run_id=run_id,
        run_name=run_name,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        stage=stage,
        commit=git_state.commit,
        dirty=git_state.dirty,
        diff=hashlib.sha256(git_state.diff).hexdigest() if git_state.dirty else "",
        split_id=split_id,
        protocol=protocol,
        data=data,
        upstream=lock.upstream(stage),
        recordings=lock.recordings,
        settings=settings.model_dump(mode="json"),
        seed=settings.seed,
        extractors=extractors,
        assets=_assets(extractors.values()),
        packages=installed_packages(),
        machine=Machine.current(),
        choice=choice,
        licences={} if settings.corpus.synthetic else _licences(project),
    )


def _licences(project: Project) -> dict[str, str]:
    """Return the licences of the corpora of the catalogue; none where there is none."""
    if not project.catalogue.exists():
        return {}
    catalogue = read_catalogue(project.catalogue, "corpus")
    return list_licences(catalogue, catalogue["corpus"])


def log(project: Project, git_state: GitState, lineage: Lineage) -> None:
    """Log the lineage, dvc.lock and the changes that were not committed to the run under way."""
    import mlflow

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        lineage.write(folder / FILE)
        if (project.root / dvc_lock.LOCK).exists():
            shutil.copyfile(project.root / dvc_lock.LOCK, folder / dvc_lock.LOCK)
        if git_state.dirty:
            (folder / DIFF).write_bytes(git_state.diff)
        mlflow.log_artifacts(temporary)


def _by_extractor(features: Iterable[FeatureSpec]) -> dict[str, FeatureSpec]:
    """Return the specifications by extractor, with those that they are derived from."""
    specs = list(features)
    specs += [spec.derived_from for spec in specs if spec.derived_from]
    return {spec.extractor: spec for spec in specs}


def _stage_features(project: Project, data: Mapping[str, str]) -> list[FeatureSpec]:
    """Return what the features among a stage's data were computed by."""
    folders = {
        folder.relative_to(project.root).as_posix(): folder
        for folder in sorted(project.root.glob("features/*/*"))
    }
    specs = [
        store.read_spec(folder)
        for name, folder in folders.items()
        if any(dvc_lock.overlap(path, name) for path in data)
    ]
    return [spec for spec in specs if spec]


def _assets(extractors: Iterable[FeatureSpec]) -> dict[str, PretrainedFile]:
    """Return the pretrained files that extractors take, and the detector of the faces."""
    resources = [item for spec in extractors for item in spec.resources.items()]
    names = {text for item in resources for text in item}
    return {
        name: PretrainedFile(
            source=assets.ASSETS[name].source,
            licence=assets.ASSETS[name].licence,
            sha256=_checksum(name),
        )
        for name in sorted(names & set(assets.ASSETS))
    }


def _checksum(name: str) -> str:
    """Return the SHA-256 of an asset's file; empty where the features outlived it."""
    with suppress(AssetError):
        path = assets.find(name)
        files = assets.ASSETS[name].files
        return next((file.sha256 or "" for file in files if path and file.name == path.name), "")
    return ""
