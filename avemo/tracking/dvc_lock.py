"""What DVC has recorded of the data: which stage wrote it, and from what."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AvemoError
from ..paths import Project
from ..schema import Value

if TYPE_CHECKING:
    from dvc.output import Output
    from dvc.stage import PipelineStage

__all__ = ["LOCK", "Lock", "StageFiles", "overlap", "read"]

LOCK = "dvc.lock"


class StageFiles(Value):
    """What a stage read and wrote when it last ran.

    Args:
        deps: the md5 of each file or folder that it read, code too, by its path in the project
        outs: likewise of each that it wrote
    """

    deps: dict[str, str]
    outs: dict[str, str]


@dataclass(frozen=True)
class Lock:
    """The stages of both pipelines, as dvc.yaml declares and dvc.lock records them.

    Args:
        stages: by name, such as `train@audio`; what has not run has no md5
        deps: by stage, the paths that dvc.yaml declares
        recordings: the md5 of each, by its path below data/raw; empty where DVC does not list them
    """

    stages: dict[str, StageFiles] = field(default_factory=dict)
    deps: dict[str, list[str]] = field(default_factory=dict)
    recordings: dict[str, str] = field(default_factory=dict)

    def data(self, stage: str) -> dict[str, str]:
        """Return the md5 of each data dependency of a stage, by its path in the project."""
        outs = {path: md5 for files in self.stages.values() for path, md5 in files.outs.items()}
        deps = self.deps.get(stage, [])
        return {path: outs[path] for path in sorted(outs) if any(overlap(path, d) for d in deps)}

    def upstream(self, stage: str) -> dict[str, StageFiles]:
        """Return the stages that wrote a stage's data, and those that wrote theirs.

        Their code counts too, because features may be older than the commit of a training.
        """
        upstream: dict[str, StageFiles] = {}
        paths = list(self.data(stage))
        while paths:
            path = paths.pop(0)
            for name, files in self.stages.items():
                if name not in upstream and any(overlap(out, path) for out in files.outs):
                    upstream[name] = files
                    paths += files.deps
        return upstream


def read(project: Project) -> Lock:
    """Read both pipelines with DVC, which takes half a second; empty outside a DVC project.

    Raises:
        AvemoError: DVC refuses one of its files
    """
    if not (project.root / ".dvc").is_dir():
        return Lock()
    from dvc.exceptions import DvcException

    try:
        return _read(project)
    except DvcException as error:
        reason = str(error).splitlines()[0]
        raise AvemoError(f"DVC cannot read the stages: {reason}; see dvc status") from error


def _read(project: Project) -> Lock:
    from dvc.dependency.param import ParamsDependency
    from dvc.repo import Repo

    lock = Lock()
    for folder in (project.root, project.study):
        if not (folder / "dvc.yaml").exists():
            continue
        with Repo(str(folder)) as repo:
            stages: list[PipelineStage] = repo.stage.load_all(str(folder / "dvc.yaml"))
            for stage in stages:
                deps = [dep for dep in stage.deps if not isinstance(dep, ParamsDependency)]
                lock.deps[stage.name] = [_path(project.root, dep) for dep in deps]
                lock.stages[stage.name] = StageFiles(
                    deps=_checksums(project.root, deps), outs=_checksums(project.root, stage.outs)
                )
                for out in stage.outs:
                    if Path(out.fs_path) == project.raw:
                        lock.recordings.update(_listing(out))
    return lock


def overlap(out: str, dep: str) -> bool:
    """Return whether two paths are the same, or one is a folder that holds the other."""
    return out == dep or out.startswith(f"{dep}/") or dep.startswith(f"{out}/")


def _checksums(root: Path, files: "Iterable[Output]") -> dict[str, str]:
    return {_path(root, file): file.hash_info.value for file in files if file.hash_info.value}


def _path(root: Path, file: "Output") -> str:
    path = Path(file.fs_path)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(file.def_path)


def _listing(folder: "Output") -> dict[str, str]:
    """Return the md5 of each file in a folder; empty where DVC's cache does not have the list."""
    tree = folder.get_obj() if folder.hash_info.isdir else None
    return {"/".join(key): hash_info.value for key, _, hash_info in tree or ()}
