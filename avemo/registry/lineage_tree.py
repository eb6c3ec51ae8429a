"""What a run or a registered version was made from, as a tree for a terminal."""

from collections.abc import Iterable, Mapping

from rich.text import Text
from rich.tree import Tree

from ..tracking.dvc_lock import overlap
from ..tracking.lineage import Lineage, Member, PretrainedFile
from .lineage import flatten, format_values, source_checksums

__all__ = ["lineage_tree"]

#: lines that are shown of a long list
_MAX_LINES = 10
#: the packages that are shown first
_MAIN_PACKAGES = ("tensorflow", "keras", "numpy", "librosa", "av", "opencv-python", "mlflow", "dvc")


def lineage_tree(uri: str, lineage: Lineage) -> Tree:
    """Return a lineage as a tree; a long list ends with how many more there are.

    Args:
        uri: of the run or version, for the first line
        lineage: of it
    """
    synthetic = flatten(lineage.settings).get("corpus.source") == "sample"
    root = Tree(Text(uri + ", trained on the synthetic sample" * synthetic))
    dirty = ", and changes that were not committed: uncommitted.diff" if lineage.dirty else ""
    _add(root, f"run {lineage.run_id}: {lineage.run_name}, {lineage.time}")
    _add(root, f"code: commit {lineage.commit or 'none: no repository'}{dirty}")
    _add(root, f"settings: params.yaml, seed {lineage.seed}")
    for corpus, licence in lineage.licences.items():
        _add(root, f"recordings of {corpus}: {licence}")
    _add(root, f"split: {lineage.split_id}, protocol {lineage.protocol}")
    if lineage.choice:
        search = _add(root, f"search: run {lineage.choice.search_run_id}")
        _add_members(search, lineage.choice.members)
    extractors = _add(root, "extractors")
    for name, spec in lineage.extractors.items():
        values = format_values({**spec.settings, **spec.resources})
        _add(extractors, f"{name} version {spec.version}: {values}")
    _add_weights(_add(root, "pretrained weights"), lineage.assets)
    stage, shown = _add(root, f"stage {lineage.stage}"), set[str]()
    for path, md5 in lineage.data.items():
        _add_path(stage, lineage, path, md5, shown)
    packages = _add(root, f"packages: {len(lineage.packages)}")
    _add_list(packages, _package_lines(lineage.packages))
    _add(_add(root, "machine"), format_values(lineage.machine.model_dump()))
    return root


def _add(tree: Tree, line: str) -> Tree:
    return tree.add(Text(line))


def _add_list(tree: Tree, lines: Iterable[str]) -> None:
    lines = list(lines)
    for line in lines[:_MAX_LINES]:
        _add(tree, line)
    if len(lines) > _MAX_LINES:
        _add(tree, f"and {len(lines) - _MAX_LINES} more")


def _add_members(tree: Tree, members: Iterable[Member]) -> None:
    for number, member in enumerate(members):
        values = {k: v for k, v in member.configuration.items() if k != "architecture"}
        trial = f"trial {member.trial_run_id}" if member.trial_run_id else "no trial: defaults"
        architecture = member.configuration["architecture"]
        branch = _add(tree, f"member {number}: {architecture}, seed {member.seed}, {trial}")
        _add(branch, format_values(values))


def _add_weights(tree: Tree, assets: Mapping[str, PretrainedFile]) -> None:
    for name, file in assets.items():
        checksum = f"sha256 {file.sha256}" if file.sha256 else "its file was missing"
        _add(tree, f"{name}: {file.source}, {file.licence}, {checksum}")
    if not assets:
        _add(tree, "none")


def _add_path(tree: Tree, lineage: Lineage, path: str, md5: str, shown: set[str]) -> None:
    """Add a path, the stages that wrote it, and what those read.

    Args:
        shown: the stages that are in the tree already; each is added once
    """
    writers = [
        name
        for name, files in lineage.upstream.items()
        if any(overlap(out, path) for out in files.outs)
    ]
    if not writers:
        _add(tree, f"{path}  md5 {md5}")
        return
    names = " and ".join(f"{name} (above)" if name in shown else name for name in writers)
    branch = _add(tree, f"{path}  md5 {md5}, by {names}")
    new = [name for name in writers if name not in shown]
    for name in new:
        shown.add(name)
        _add_deps(branch, lineage, name, shown)
    if path == "data/raw" and new:
        recordings = _add(branch, f"{len(lineage.recordings)} recordings")
        _add_list(recordings, (f"{name}  md5 {md5}" for name, md5 in lineage.recordings.items()))


def _add_deps(tree: Tree, lineage: Lineage, stage: str, shown: set[str]) -> None:
    code = source_checksums(lineage, stage)
    for path, md5 in lineage.upstream[stage].deps.items():
        if path not in code:
            _add_path(tree, lineage, path, md5, shown)
    if code:
        _add(tree, f"{len(code)} of code and sources, see --json")


def _package_lines(packages: Mapping[str, str]) -> list[str]:
    names = [name for name in _MAIN_PACKAGES if name in packages]
    names += [name for name in packages if name not in _MAIN_PACKAGES]
    return [f"{name} {packages[name]}" for name in names]
