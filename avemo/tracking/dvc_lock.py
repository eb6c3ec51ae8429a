"""What dvc.lock says of the data: which stage made it, and of what."""

import json
from pathlib import Path
from posixpath import normpath
from typing import Any

import yaml

from ..paths import Project

__all__ = ["LOCK", "Stage", "cache", "data", "overlap", "recordings", "upstream"]

LOCK = "dvc.lock"

#: the md5 of each file or folder, by `deps` and `outs`
Stage = dict[str, dict[str, str]]


def data(project: Project, stage: str) -> dict[str, str]:
    """The md5 of each data dependency of a stage, as dvc.lock has it."""
    outs = [out for entry in _locked(project).values() for out in entry.get("outs", [])]
    if not outs:
        return {}
    pipeline = _pipeline(project)
    name, _, item = stage.partition("@")
    deps = (pipeline[name].get("do") or pipeline[name])["deps"]
    each = pipeline[name].get("foreach")
    value = str(each[item] if isinstance(each, dict) else item)
    wanted = [dep.replace("${key}", item).replace("${item}", value) for dep in deps]
    found = [out for out in outs if any(overlap(out["path"], dep) for dep in wanted)]
    return {out["path"]: out["md5"] for out in sorted(found, key=lambda out: str(out["path"]))}


def upstream(project: Project, stage: str) -> dict[str, Stage]:
    """The stages that made a stage's data, and theirs, with the md5 of all that each read and made.

    Code counts, too: features may be older than the commit that a model was trained at.
    """
    entries = _locked(project)
    found: dict[str, Stage] = {}
    wanted = list(data(project, stage))
    while wanted:
        path = wanted.pop(0)
        for name, entry in entries.items():
            made = [out["path"] for out in entry.get("outs", [])]
            if name not in found and any(overlap(out, path) for out in made):
                found[name] = {
                    side: {one["path"]: one.get("md5", "") for one in entry.get(side, [])}
                    for side in ("deps", "outs")
                }
                wanted += found[name]["deps"]
    return found


def recordings(project: Project) -> dict[str, str]:
    """The md5 of each recording, by its path below data/raw; empty where DVC does not list them."""
    raw = project.raw.relative_to(project.root).as_posix()
    outs = [out for entry in _locked(project).values() for out in entry.get("outs", [])]
    md5 = next((out["md5"] for out in outs if out["path"] == raw), "")
    if not md5.endswith(".dir") or not (project.root / ".dvc").is_dir():
        return {}
    file = cache(project.root) / md5[:2] / md5[2:]
    listed = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return {one["relpath"]: one["md5"] for one in listed}


def cache(root: Path) -> Path:
    """The folder of DVC's cache, wherever its configuration puts it."""
    from dvc.repo import Repo  # type: ignore[import-untyped]

    with Repo(str(root)) as repo:
        return Path(repo.cache.local.path)


def overlap(out: str, dep: str) -> bool:
    """A stage may depend on a folder that several others write to, or on a part of one's."""
    return out == dep or out.startswith(f"{dep}/") or dep.startswith(f"{out}/")


def _locked(project: Project) -> dict[str, Any]:
    """The entries of stages that there are: DVC keeps those of stages that are no more."""
    lock = project.root / LOCK
    if not lock.exists():
        return {}
    entries = (yaml.safe_load(lock.read_text(encoding="utf-8")) or {}).get("stages", {})
    names = {
        f"{name}@{item}" if "foreach" in stage else name
        for name, stage in _pipeline(project).items()
        for item in stage.get("foreach", [""])
    }
    return {name: entry for name, entry in entries.items() if name in names}


def _pipeline(project: Project) -> dict[str, Any]:
    """The stages of both pipelines; what they depend on, from the project's folder."""
    stages: dict[str, Any] = _stages(project.root)
    study = project.study.relative_to(project.root).as_posix()
    for name, stage in _stages(project.study).items():
        body = stage.get("do") or stage
        body["deps"] = [normpath(f"{study}/{dep}") for dep in body["deps"]]
        stages[name] = stage
    return stages


def _stages(folder: Path) -> dict[str, Any]:
    file = folder / "dvc.yaml"
    if not file.exists():
        return {}
    found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))["stages"]
    return found
