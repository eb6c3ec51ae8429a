"""Finished stages become what is published in `results/audio`."""

import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import AvemoError
from ..io import atomic_write
from ..paths import Project
from ..tracking import store
from . import published
from .contribution import Contribution
from .import_baseline import import_baseline
from .import_champion import import_champion
from .manifest import RUNS, Champion, Manifest, System

__all__ = ["import_runs"]


def import_runs(project: Project, sources: Sequence[Project]) -> list[str]:
    """Publish every stage that is finished in some projects; what else is published stays.

    Neither what could not be run nor what is of the synthetic sample takes the place of a published
    run on real recordings.

    Args:
        project: where they are published
        sources: whose stages they are, the project itself or other clones

    Returns:
        a line for each stage: what was imported, or not and why

    Raises:
        AvemoError: a source has no finished stage, two have the same, a run is not in the tracking
            store, or a file is damaged; then nothing is changed
    """
    try:
        return _import_runs(project, sources)
    except published.DamagedPredictions as error:
        raise AvemoError(
            f"nothing is imported: {error}. Run its stage again (dvc repro --force in study)"
        ) from None


def _import_runs(project: Project, sources: Sequence[Project]) -> list[str]:
    folder = project.root / published.FOLDER
    before = published.read_manifest(folder) if (folder / RUNS).exists() else Manifest()
    publication = _Publication(project, before)
    for source in sources:
        stages = _finished_stages(source)
        if not stages:
            place = "here" if source.root == project.root else f"in {source.root}"
            raise AvemoError(
                f"no stage is finished {place} whose predictions could be published: run dvc repro "
                "in study, or leave --keep out to read what is published"
            )
        with _connected(project, source):
            for file in stages:
                publication.add(source, file)
    if not publication.manifest.files:
        raise AvemoError(f"there are no predictions to publish: {'; '.join(publication.messages)}")
    _write(publication, folder)
    return publication.messages


@dataclass
class _Publication:
    """What is to be published, stage by stage.

    Args:
        project: where it is published
        before: what is published

    Attributes:
        files: by name below `results/audio`, where a new file is copied from
        messages: a line for each stage
    """

    project: Project
    before: Manifest
    files: dict[str, Path] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    champions: list[Champion] = field(init=False)
    systems: dict[str, System] = field(init=False)

    def __post_init__(self) -> None:
        self.champions = self.before.champions
        self.systems = {system.name: system for system in self.before.systems}

    @property
    def manifest(self) -> Manifest:
        """Which run made each file."""
        systems = [self.systems[name] for name in sorted(self.systems)]
        return Manifest(champions=self.champions, systems=systems)

    def add(self, source: Project, file: Path) -> None:
        """Add a finished stage.

        Args:
            source: the project that it is of
            file: its result
        """
        name = str(file)
        if source.root == self.project.root:
            name = file.relative_to(source.root).as_posix()
        contribution: Contribution[Any]
        if file == source.crossvalidation_result("audio"):
            contribution = import_champion(source, file, name, self.manifest)
            self.champions = contribution.entry
        else:
            system = file.parent.name
            contribution = import_baseline(file, self.systems.get(system))
            self.systems[system] = contribution.entry
        for clash in self.files.keys() & contribution.files.keys():
            raise AvemoError(
                f"{self.files[clash]} and {contribution.files[clash]} would both become "
                f"{published.FOLDER / clash}: import one project at a time, and the one to "
                "publish last"
            )
        self.files |= contribution.files
        self.messages.append(f"{Path(name).parent}: {contribution.message}")


def _finished_stages(source: Project) -> list[Path]:
    """Return the results of the finished stages, the cross-validation's first."""
    summary = source.crossvalidation_result("audio")
    baselines = sorted(source.baseline("*").parent.glob("*/runs.json"))
    return [*([summary] if summary.exists() else []), *baselines]


def _connected(project: Project, source: Project) -> AbstractContextManager[None]:
    """Connect to the store of a source's runs; another project gets none where it has none."""
    own = source.tracking / "mlflow.db"
    is_named = store.named_uri(source) is not None or source.root == project.root
    if not is_named and not own.exists():
        raise AvemoError(
            f"{own} is missing, where the runs of {source.root} would be: set "
            f"{store.TRACKING_URI} to where they are"
        )
    return store.connected(source, spool=False)


def _write(publication: _Publication, folder: Path) -> None:
    """Write the folder anew, once all of it can be trusted."""
    manifest = publication.manifest
    with atomic_write(folder) as beside:
        for name in manifest.files:
            file = publication.files.get(name, folder / name)
            if not file.exists():
                raise AvemoError(f"{file} is missing")
            (beside / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, beside / name)
        (beside / RUNS).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
        published.read_unadvised(beside)
