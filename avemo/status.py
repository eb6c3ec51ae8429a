"""The state of a project: corpus, split, features, models, baselines."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .baselines.summary import load_results
from .config import load_settings
from .evaluation.bootstrap import Interval
from .modalities import MODALITIES, UNIMODAL, Modality
from .paths import Project
from .records import BaselineResult
from .settings import Settings

if TYPE_CHECKING:
    from mlflow.entities import Run

__all__ = [
    "BaselineStatus",
    "CorpusStatus",
    "ModelStatus",
    "ProjectStatus",
    "SplitStatus",
    "VersionStatus",
    "read_status",
]


@dataclass(frozen=True)
class CorpusStatus:
    """The catalogue.

    Args:
        recordings: how many are used
        performances: of how many performances
        actors: by how many actors
        set_aside: how many recordings are not used
        films: how many of those that are used have a picture
        example: a recording, a film where there is one, as a path in the project
    """

    recordings: int
    performances: int
    actors: int
    set_aside: int
    films: int
    example: str


@dataclass(frozen=True)
class SplitStatus:
    """The split: its id, how many performances are in each part, and its protocol."""

    id: str
    parts: dict[str, int]
    protocol: str


@dataclass(frozen=True)
class VersionStatus:
    """A registered version with an alias; figures on the test part, `absent` where there are none.

    Args:
        version: its number
        architecture: the members' architectures, joined by ` + `
        run_id: the run that trained it
        experiment_id: of the run
        corpus: what it was trained on, `sample (synthetic)` or `corpus.source`
        coverage: the share of clips that its threshold answers; the others are "not sure"
        selective_accuracy: how many of these answers are right
        note: what is wrong with its run, and what to do; empty where nothing is
    """

    version: str
    aliases: list[str]
    architecture: str
    run_id: str
    experiment_id: str
    uar: str
    accuracy: str
    corpus: str = ""
    coverage: str = "absent"
    selective_accuracy: str = "absent"
    note: str = ""


@dataclass(frozen=True)
class ModelStatus:
    """A registered model.

    Args:
        versions: those that have an alias, newest first
        absent: why the stage `register` left no version of these recordings in this registry; None
            where it did, or has not run
    """

    versions: list[VersionStatus]
    absent: str | None = None

    @property
    def champion(self) -> VersionStatus | None:
        """The version with the alias `champion`."""
        champions = (version for version in self.versions if "champion" in version.aliases)
        return next(champions, None)

    @property
    def waiting(self) -> VersionStatus | None:
        """The version with the alias `candidate`, where another one is the champion."""
        candidates = (version for version in self.versions if "candidate" in version.aliases)
        candidate = next(candidates, None)
        return None if candidate is self.champion else candidate


@dataclass(frozen=True)
class BaselineStatus:
    """A run of one of the original study's systems, with its figures on the test part."""

    system: str
    channel: str
    protocol: str
    run_id: str
    uar: str
    accuracy: str


@dataclass(frozen=True)
class ProjectStatus:
    """The state of a project.

    Args:
        project: its folder
        source: `corpus.source` of params.yaml
        synthetic: the corpus is the synthetic sample
        corpus: None before the stage `catalogue` has run
        split: None before the stage `split` has run
        features: how many performances have the faces, and the features of each extractor
        models: by modality
        baselines: their runs
    """

    project: str
    source: str
    synthetic: bool
    corpus: CorpusStatus | None
    split: SplitStatus | None
    features: dict[str, int]
    models: dict[Modality, ModelStatus]
    baselines: list[BaselineStatus]


def read_status(project: Project) -> ProjectStatus:
    """Return the state of a project.

    Raises:
        SettingsError: params.yaml is wrong
    """
    settings = load_settings(project.root)
    return ProjectStatus(
        project=str(project.root),
        source=settings.corpus.source,
        synthetic=settings.corpus.synthetic,
        corpus=_corpus(project) if project.catalogue.exists() else None,
        split=_split(project, settings) if project.split.exists() else None,
        features=_features(project, settings),
        models=_models(project),
        baselines=_baselines(project),
    )


def _corpus(project: Project) -> CorpusStatus:
    from .corpus.selection import read_catalogue

    rows = read_catalogue(project.catalogue, "actor", "has_picture")
    used = rows[rows["finding"].eq("")]
    films = used[used["modality"].eq(1)]["path"]
    examples = [project.raw / path for path in [*films, *used["path"]][:1]]
    return CorpusStatus(
        recordings=len(used),
        performances=int(used["performance"].nunique()),
        actors=int(used["actor"].nunique()),
        set_aside=len(rows) - len(used),
        films=int(used["has_picture"].sum()),
        example="".join(file.relative_to(project.root).as_posix() for file in examples),
    )


def _split(project: Project, settings: Settings) -> SplitStatus:
    from .corpus import split

    counts = split.read(project.split)["part"].value_counts()
    parts = {part: int(counts.get(part, 0)) for part in split.PARTS}
    return SplitStatus(split.split_id(project.split), parts, settings.split.protocol)


def _features(project: Project, settings: Settings) -> dict[str, int]:
    from .features import store

    folders: dict[str, Path] = {"faces": project.faces}
    for modality in UNIMODAL:
        names = settings.extractors_of(modality)
        folders |= {name: project.features(modality, name) for name in names}
    counts = {name: store.count_rows(folder) for name, folder in folders.items()}
    return {name: count for name, count in counts.items() if count}


def _models(project: Project) -> dict[Modality, ModelStatus]:
    from .tracking import store

    versions: dict[Modality, list[VersionStatus]] = {modality: [] for modality in MODALITIES}
    local = store.named_uri(project) is None
    if not local or (project.tracking / "mlflow.db").exists():
        store.connect(project, spool=False)
        versions = {modality: _versions(f"avemo-{modality}") for modality in MODALITIES}
    absent = [modality for modality in MODALITIES if not versions[modality]]
    reasons = _registration_results(project, absent)
    return {name: ModelStatus(versions[name], reasons.get(name)) for name in MODALITIES}


def _registration_results(project: Project, absent: list[Modality]) -> dict[Modality, str]:
    """Return what to say of each model that has no version, as the stage `register` left it."""
    from .records import Registration
    from .registry.absence import explain_absence

    if not project.registered.exists():
        return {}
    registration = Registration.read(project.registered)
    reasons: dict[Modality, str] = {
        modality: f"absent: {reason}" for modality, reason in registration.skipped.items()
    }
    for modality in absent:
        if version := registration.versions.get(modality):
            reasons[modality] = explain_absence(version)
    return reasons


def _versions(name: str) -> list[VersionStatus]:
    import mlflow

    from .tracking import runs

    client = mlflow.MlflowClient()
    try:
        aliases = client.get_registered_model(name).aliases
    except mlflow.MlflowException:
        return []
    versions = []
    for number in sorted({str(number) for number in aliases.values()}, key=int, reverse=True):
        version = client.get_model_version(name, number)
        run = runs.find_run(str(version.run_id))
        metrics = run.data.metrics if run else {}
        versions.append(
            VersionStatus(
                version=number,
                aliases=sorted(alias for alias, value in aliases.items() if str(value) == number),
                architecture=version.tags.get("avemo.architecture", ""),
                run_id=str(version.run_id),
                experiment_id=run.info.experiment_id if run else "",
                uar=_figure(metrics, "test_uar"),
                accuracy=_figure(metrics, "test_accuracy"),
                corpus=version.tags.get("avemo.corpus", ""),
                coverage=_figure(metrics, "test_coverage"),
                selective_accuracy=_figure(metrics, "test_selective_accuracy"),
                note=_describe_run(run, str(version.run_id)),
            )
        )
    return versions


def _describe_run(run: "Run | None", run_id: str) -> str:
    """Return what is wrong with a version's run, and what to do; empty where nothing is."""
    if run is None:
        return f"its run {run_id} is not in this store any more, and with it its figures"
    if run.info.lifecycle_stage != "active":
        return f"its run was deleted: bring it back with `avemo runs restore {run_id}`"
    return ""


def _baselines(project: Project) -> list[BaselineStatus]:
    return [
        BaselineStatus(
            system=system,
            channel=run.channel,
            protocol=run.protocol,
            run_id=run.run_id,
            uar=str(run.test["uar"]),
            accuracy=str(run.test["accuracy"]),
        )
        for system, result in load_results(project).items()
        if isinstance(result, BaselineResult)
        for run in result.runs
    ]


def _figure(metrics: dict[str, float], name: str) -> str:
    if name not in metrics:
        return "absent"
    return str(Interval(metrics[name], metrics.get(f"{name}_low"), metrics.get(f"{name}_high")))
