"""What made a run or a registered version, as a tree for a terminal."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..records import FeatureSpec
from ..tracking.dvc_lock import overlap
from ..tracking.lineage import Lineage, ModelChoice, PretrainedFile
from .lineage import flat, sources, words

__all__ = ["tree"]

#: of the lines of a list
_SHOWN = 10
#: what the packages are shown by, where they are not all shown
_FIRST = ("tensorflow", "keras", "numpy", "librosa", "av", "opencv-python", "mlflow", "dvc")

#: a line's text, and the lines below it
Node = tuple[str, list[Any]]


def tree(uri: str, found: Lineage) -> list[str]:
    """For a terminal; long lists are cut at ten, with how many more there are."""
    synthetic = flat(found.settings)["corpus.source"] == "sample"
    head = uri + (", trained on the synthetic sample" * synthetic)
    return [head, *_drawn(_branches(found))]


def _branches(found: Lineage) -> Iterator[Node]:
    dirty = ", and changes that were not committed: uncommitted.diff" if found.dirty else ""
    yield f"run {found.run_id}: {found.run_name}, {found.time}", []
    yield f"code: commit {found.commit or 'none: no repository'}{dirty}", []
    yield f"settings: params.yaml, seed {found.seed}", []
    yield f"split: {found.split_id}, protocol {found.protocol}", []
    if found.choice:
        yield f"search: run {found.choice.search_run_id}", list(_members(found.choice))
    yield "extractors", [_extractor(*one) for one in found.extractors.items()]
    yield "pretrained weights", [_asset(*one) for one in found.assets.items()] or [("none", [])]
    shown: set[str] = set()
    data = [_source(found, path, md5, shown) for path, md5 in found.data.items()]
    yield f"stage {found.stage}", data
    yield f"packages: {len(found.packages)}", _ten(_packages(found.packages))
    yield "machine", [(words(found.machine.model_dump()), [])]


def _members(choice: ModelChoice) -> Iterator[Node]:
    for place, member in enumerate(choice.members):
        values = {k: v for k, v in member.configuration.items() if k != "architecture"}
        trial = f"trial {member.trial_run_id}" if member.trial_run_id else "no trial: defaults"
        name = member.configuration["architecture"]
        yield f"member {place}: {name}, seed {member.seed}, {trial}", [(words(values), [])]


def _extractor(name: str, spec: FeatureSpec) -> Node:
    return f"{name} version {spec.version}: {words(spec.settings | spec.resources)}", []


def _asset(name: str, file: PretrainedFile) -> Node:
    checksum = f"sha256 {file.sha256}" if file.sha256 else "its file was not there any more"
    return f"{name}: {file.source}, {file.licence}, {checksum}", []


def _source(found: Lineage, path: str, md5: str, shown: set[str]) -> Node:
    """A path, the stages that made it, and what those read; each stage once."""
    makers = [
        name for name, one in found.upstream.items() if any(overlap(out, path) for out in one.outs)
    ]
    if not makers:
        return f"{path}  md5 {md5}", []
    said = [f"{name} (above)" if name in shown else name for name in makers]
    below: list[Node] = []
    for name in (name for name in makers if name not in shown):
        shown.add(name)
        below += _read_by(found, name, shown)
    if path == "data/raw" and below:
        lines = (f"{name}  md5 {one}" for name, one in found.recordings.items())
        below += [(f"{len(found.recordings)} recordings", _ten(lines))]
    return f"{path}  md5 {md5}, by {' and '.join(said)}", below


def _read_by(found: Lineage, stage: str, shown: set[str]) -> list[Node]:
    code, deps = sources(found, stage), found.upstream[stage].deps
    below = [_source(found, path, md5, shown) for path, md5 in deps.items() if path not in code]
    return below + [(f"{len(code)} of code and sources, see --json", [])] * bool(code)


def _packages(found: Mapping[str, str]) -> list[str]:
    names = [*(name for name in _FIRST if name in found), *(n for n in found if n not in _FIRST)]
    return [f"{name} {found[name]}" for name in names]


def _ten(lines: Iterable[str]) -> list[Node]:
    every = list(lines)
    more = len(every) - _SHOWN
    rest: list[Node] = [(f"and {more} more", [])] if more > 0 else []
    return [*((line, []) for line in every[:_SHOWN]), *rest]


def _drawn(nodes: Iterable[Node]) -> Iterator[str]:
    listed = list(nodes)
    for place, (text, below) in enumerate(listed):
        last = place == len(listed) - 1
        yield f"{'└' if last else '├'}─ {text}"
        for line in _drawn(below):
            yield f"{' ' if last else '│'}  {line}"
