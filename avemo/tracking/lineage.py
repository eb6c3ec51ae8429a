"""What made a run, written down when it starts: `lineage.json`.

Beside it stands what it takes to make the run again: dvc.lock, whether it was committed or not, and
the changes to the code that were not.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import AssetError
from ..features import store
from ..features.spec import FeatureSpec
from ..paths import Project
from ..pretrained import assets
from ..settings import Settings
from . import dvc_lock
from .git_state import DIFF, Code
from .machine import machine, packages

__all__ = ["FILE", "extractors", "log", "record"]

FILE = "lineage.json"

Record = dict[str, Any]


def record(
    project: Project, settings: Settings, stage: str, code: Code, more: Mapping[str, Any]
) -> Record:
    """For JSON.

    Args:
        stage: as in dvc.yaml
        code: that is run
        more: what the caller alone knows, such as the search that chose a configuration; in place
            of what is said here, where the two say the same

    Returns:
        time, stage, commit, dirty, diff (the SHA-256 of what was not committed), data (md5 of each
        dependency), upstream (the stages that made it), recordings (md5 of each), settings, seed,
        extractors, assets, packages and machine
    """
    found: Record = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "stage": stage,
        "commit": code.commit,
        "dirty": code.dirty,
        "diff": hashlib.sha256(code.diff).hexdigest() if code.dirty else "",
        "data": dvc_lock.data(project, stage),
        "upstream": dvc_lock.upstream(project, stage),
        "recordings": dvc_lock.recordings(project),
        "settings": settings.model_dump(mode="json"),
        "seed": settings.seed,
        "extractors": _features(project, stage),
        "packages": packages(),
        "machine": machine(),
        **more,
    }
    return found | {"assets": _assets(found["extractors"])}


def log(project: Project, code: Code, found: Record) -> None:
    """Into the run under way."""
    import mlflow

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / FILE).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        if (project.root / dvc_lock.LOCK).exists():
            shutil.copyfile(project.root / dvc_lock.LOCK, folder / dvc_lock.LOCK)
        if code.dirty:
            (folder / DIFF).write_bytes(code.diff)
        mlflow.log_artifacts(temporary)


def extractors(specs: Iterable[FeatureSpec]) -> Record:
    """Return version, settings and resources of each extractor, and of what it was derived from."""
    specs = list(specs)
    specs += [spec.derived_from for spec in specs if spec.derived_from]
    return {
        spec.extractor: spec.model_dump(mode="json", include={"version", "settings", "resources"})
        for spec in specs
    }


def _features(project: Project, stage: str) -> Record:
    """Of the features that the stage depends on."""
    deps = dvc_lock.data(project, stage)
    folders = {
        folder.relative_to(project.root).as_posix(): folder
        for folder in sorted(project.root.glob("features/*/*"))
    }
    specs = [
        store.read_spec(folder)
        for name, folder in folders.items()
        if any(dvc_lock.overlap(dep, name) for dep in deps)
    ]
    return extractors(spec for spec in specs if spec)


def _assets(extractors: Record) -> Record:
    """The pretrained files that the extractors take: from whom, under which licence, and which."""
    resources = [fields["resources"] for fields in extractors.values()]
    names = {text for fields in resources for item in fields.items() for text in item}
    return {
        name: {
            "source": assets.ASSETS[name].source,
            "licence": assets.ASSETS[name].licence,
            "sha256": _checksum(name),
        }
        for name in sorted(names & set(assets.ASSETS))
    }


def _checksum(name: str) -> str:
    """Of an asset that is here; empty where features outlived it."""
    with suppress(AssetError):
        path = assets.find(name)
        files = assets.ASSETS[name].files
        return next((one.sha256 or "" for one in files if path and one.name == path.name), "")
    return ""
