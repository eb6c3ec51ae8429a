"""What a run or a registered version was made from, as a tree for a terminal."""

from collections.abc import Iterable, Mapping

from rich.text import Text
from rich.tree import Tree

from ..tracking.dvc_lock import overlap
from ..tracking.lineage import Lineage, ModelChoice, PretrainedFile
from .lineage import flat, sources, words

__all__ = ["lineage_tree"]

#: lines that are shown of a long list
_MAX_LINES = 10
#: the packages that are shown first
_MAIN_PACKAGES = ("tensorflow", "keras", "numpy", "librosa", "av", "opencv-python", "mlflow", "dvc")


def lineage_tree(uri: str, record: Lineage) -> Tree:
    """Return a lineage as a tree; a long list ends with how many more there are."""
    synthetic = flat(record.settings)["corpus.source"] == "sample"
    root = Tree(Text(uri + ", trained on the synthetic sample" * synthetic))
    dirty = ", and changes that were not committed: uncommitted.diff" if record.dirty else ""
    _add(root, f"run {record.run_id}: {record.run_name}, {record.time}")
    _add(root, f"code: commit {record.commit or 'none: no repository'}{dirty}")
    _add(root, f"settings: params.yaml, seed {record.seed}")
    _add(root, f"split: {record.split_id}, protocol {record.protocol}")
    if record.choice:
        _add_members(_add(root, f"search: run {record.choice.search_run_id}"), record.choice)
    extractors = _add(root, "extractors")
    for name, spec in record.extractors.items():
        _add(extractors, f"{name} version {spec.version}: {words(spec.settings | spec.resources)}")
    _add_weights(_add(root, "pretrained weights"), record.assets)
    stage, shown = _add(root, f"stage {record.stage}"), set[str]()
    for path, md5 in record.data.items():
        _add_path(stage, record, path, md5, shown)
    packages = _add(root, f"packages: {len(record.packages)}")
    _add_list(packages, _package_lines(record.packages))
    _add(_add(root, "machine"), words(record.machine.model_dump()))
    return root


def _add(tree: Tree, line: str) -> Tree:
    return tree.add(Text(line))


def _add_list(tree: Tree, lines: Iterable[str]) -> None:
    lines = list(lines)
    for line in lines[:_MAX_LINES]:
        _add(tree, line)
    if len(lines) > _MAX_LINES:
        _add(tree, f"and {len(lines) - _MAX_LINES} more")


def _add_members(tree: Tree, choice: ModelChoice) -> None:
    for place, member in enumerate(choice.members):
        values = {k: v for k, v in member.configuration.items() if k != "architecture"}
        trial = f"trial {member.trial_run_id}" if member.trial_run_id else "no trial: defaults"
        architecture = member.configuration["architecture"]
        line = f"member {place}: {architecture}, seed {member.seed}, {trial}"
        _add(_add(tree, line), words(values))


def _add_weights(tree: Tree, assets: Mapping[str, PretrainedFile]) -> None:
    for name, file in assets.items():
        checksum = f"sha256 {file.sha256}" if file.sha256 else "its file was not there any more"
        _add(tree, f"{name}: {file.source}, {file.licence}, {checksum}")
    if not assets:
        _add(tree, "none")


def _add_path(tree: Tree, record: Lineage, path: str, md5: str, shown: set[str]) -> None:
    """Add a path, the stages that wrote it, and what those read.

    Args:
        shown: the stages that are in the tree already; each is added once
    """
    writers = [
        name
        for name, stage in record.upstream.items()
        if any(overlap(out, path) for out in stage.outs)
    ]
    if not writers:
        _add(tree, f"{path}  md5 {md5}")
        return
    names = " and ".join(f"{name} (above)" if name in shown else name for name in writers)
    branch = _add(tree, f"{path}  md5 {md5}, by {names}")
    new = [name for name in writers if name not in shown]
    for name in new:
        shown.add(name)
        _add_deps(branch, record, name, shown)
    if path == "data/raw" and new:
        recordings = _add(branch, f"{len(record.recordings)} recordings")
        _add_list(recordings, (f"{name}  md5 {md5}" for name, md5 in record.recordings.items()))


def _add_deps(tree: Tree, record: Lineage, stage: str, shown: set[str]) -> None:
    code = sources(record, stage)
    for path, md5 in record.upstream[stage].deps.items():
        if path not in code:
            _add_path(tree, record, path, md5, shown)
    if code:
        _add(tree, f"{len(code)} of code and sources, see --json")


def _package_lines(packages: Mapping[str, str]) -> list[str]:
    names = [name for name in _MAIN_PACKAGES if name in packages]
    names += [name for name in packages if name not in _MAIN_PACKAGES]
    return [f"{name} {packages[name]}" for name in names]
