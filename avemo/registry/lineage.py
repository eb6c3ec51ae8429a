"""What made a run or a registered version, as a tree, and what differs between two."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import AvemoError, ten
from ..tracking.lineage import FILE, Record
from . import verify

__all__ = ["differences", "read", "tree"]

#: of the lines of a list in a tree
_SHOWN = 10
#: what the packages are shown by, where they are not all shown
_FIRST = ("tensorflow", "keras", "numpy", "librosa", "av", "opencv-python", "mlflow", "dvc")

#: a line's text, and the lines below it
Node = tuple[str, list[Any]]


def read(uri: str) -> Record:
    """The lineage of a version or a run.

    Args:
        uri: as MLflow takes it: `models:/avemo-audio@champion`, `models:/avemo-audio/3`, `runs:/ID`

    Raises:
        AvemoError: there is no such version or run, it carries no lineage, or a file of the version
            is not as it was registered
    """
    import mlflow

    try:
        if uri.startswith("runs:/"):
            run_id = uri.removeprefix("runs:/").strip("/")
            return dict(mlflow.artifacts.load_dict(f"runs:/{_parent(run_id)}/{FILE}"))
        with verify.opened(uri) as folder:
            if not (folder / FILE).exists():
                raise AvemoError(
                    f"{uri} carries no lineage: it was registered before there was any; train and "
                    "register it again: dvc repro --force"
                )
            found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (mlflow.MlflowException, OSError) as error:
        raise AvemoError(
            f"{uri} has no lineage at {mlflow.get_tracking_uri()}: {str(error).splitlines()[0]}; "
            "models:/NAME@ALIAS, models:/NAME/VERSION or runs:/ID is expected; `avemo status` "
            "lists what is registered"
        ) from None
    return dict(found)


def tree(uri: str, found: Record) -> list[str]:
    """For a terminal; long lists are cut at ten, with how many more there are."""
    synthetic = found["settings"]["corpus"]["source"] == "sample"
    head = uri + (", trained on the synthetic sample" * synthetic)
    return [head, *_drawn(_branches(found))]


def differences(first: Record, second: Record) -> dict[str, list[str]]:
    """What differs from the first to the second, in words, by what it belongs to.

    Returns:
        of data, code, settings, choice, packages and machine those in which something differs
    """
    pairs = {
        "data": _data(first, second),
        "code": _code(first, second),
        "settings": _changes(_flat(first["settings"]), _flat(second["settings"])),
        "choice": _changes(_members(first), _members(second)),
        "packages": _changes(first["packages"], second["packages"]),
        "machine": _changes(_flat(first["machine"]), _flat(second["machine"])),
    }
    return {name: lines for name, lines in pairs.items() if lines}


def _parent(run_id: str) -> str:
    """A trial's, a fold's or a member's lineage is that of the run that it belongs to."""
    import mlflow

    tags = mlflow.MlflowClient().get_run(run_id).data.tags
    return str(tags.get("mlflow.parentRunId", run_id))


# The tree.


def _branches(found: Record) -> Iterator[Node]:
    dirty = ", and changes that were not committed: uncommitted.diff" if found["dirty"] else ""
    yield f"run {found['run_id']}: {found['run_name']}, {found['time']}", []
    yield f"code: commit {found['commit'] or 'none: no repository'}{dirty}", []
    yield f"settings: params.yaml, seed {found['seed']}", []
    yield f"split: {found['split']}, protocol {found['protocol']}", []
    if "search_run" in found:
        yield f"search: run {found['search_run']}", list(_chosen(found))
    yield "extractors", [_extractor(*one) for one in found["extractors"].items()]
    yield "pretrained weights", [_asset(*one) for one in found["assets"].items()] or [("none", [])]
    shown: set[str] = set()
    data = [_source(found, path, md5, shown) for path, md5 in found["data"].items()]
    yield f"stage {found['stage']}", data
    yield f"packages: {len(found['packages'])}", _ten(_packages(found["packages"]))
    yield "machine", [(_words(found["machine"]), [])]


def _chosen(found: Record) -> Iterator[Node]:
    for place, one in enumerate(found["members"]):
        values = {k: v for k, v in one["values"].items() if k != "architecture"}
        trial = f"trial {one['trial']}" if one["trial"] else "no trial: defaults"
        name = one["values"]["architecture"]
        yield f"member {place}: {name}, seed {one['seed']}, {trial}", [(_words(values), [])]


def _extractor(name: str, made: Mapping[str, Any]) -> Node:
    return f"{name} version {made['version']}: {_words(made['settings'])}", []


def _asset(name: str, one: Mapping[str, Any]) -> Node:
    checksum = f"sha256 {one['sha256']}" if one["sha256"] else "its file was not there any more"
    return f"{name}: {one['source']}, {one['licence']}, {checksum}", []


def _source(found: Record, path: str, md5: str, shown: set[str]) -> Node:
    """A path, the stages that made it, and what those read; each stage once."""
    makers = [name for name, one in found["upstream"].items() if _any_within(path, one["outs"])]
    if not makers:
        return f"{path}  md5 {md5}", []
    said = [f"{name} (above)" if name in shown else name for name in makers]
    below: list[Node] = []
    for name in (name for name in makers if name not in shown):
        shown.add(name)
        below += _read_by(found, name, shown)
    if path == "data/raw" and below:
        lines = (f"{name}  md5 {one}" for name, one in found["recordings"].items())
        below += [(f"{len(found['recordings'])} recordings", _ten(lines))]
    return f"{path}  md5 {md5}, by {' and '.join(said)}", below


def _read_by(found: Record, stage: str, shown: set[str]) -> list[Node]:
    code, deps = _sources(found, stage), found["upstream"][stage]["deps"]
    below = [_source(found, path, md5, shown) for path, md5 in deps.items() if path not in code]
    return below + [(f"{len(code)} of code and sources, see --json", [])] * bool(code)


def _within(path: str, out: str) -> bool:
    return path == out or path.startswith(f"{out}/") or out.startswith(f"{path}/")


def _any_within(path: str, outs: Iterable[str]) -> bool:
    return any(_within(path, out) for out in outs)


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


# The comparison.


def _data(first: Record, second: Record) -> list[str]:
    lines = []
    for name in ("split", "protocol"):
        if first[name] != second[name]:
            lines.append(f"{name}: {first[name]}, then {second[name]}")
    lines += _files("recordings", first["recordings"], second["recordings"])
    lines += _changes(_extracted(first), _extracted(second))
    lines += _changes(_weights(first), _weights(second))
    changed = [path for path, md5 in second["data"].items() if first["data"].get(path) != md5]
    lines += [f"{path} has another content" for path in changed if path in first["data"]]
    lines += [f"{path} is new" for path in changed if path not in first["data"]]
    return lines + [f"{path} is gone" for path in first["data"] if path not in second["data"]]


def _code(first: Record, second: Record) -> list[str]:
    lines = _changes({"stage": first["stage"]}, {"stage": second["stage"]})
    if first["commit"] != second["commit"]:
        lines.append(f"commit: {first['commit'] or 'none'}, then {second['commit'] or 'none'}")
    if first["diff"] != second["diff"]:
        which = "both, not the same" if first["dirty"] and second["dirty"] else None
        which = which or ("the first" if first["dirty"] else "the second")
        lines.append(f"changes that were not committed: in {which}, see uncommitted.diff")
    both = set(first["upstream"]) & set(second["upstream"])
    for stage in (name for name in second["upstream"] if name in both):
        deps = [_sources(one, stage) for one in (first, second)]
        lines += _files(f"code and sources of stage {stage}", *deps)
    return lines


def _sources(one: Record, stage: str) -> dict[str, str]:
    """What a stage read that no stage made."""
    outs = {out for entry in one["upstream"].values() for out in entry["outs"]}
    deps = one["upstream"][stage]["deps"]
    return {path: md5 for path, md5 in deps.items() if not _any_within(path, outs)}


def _files(what: str, first: Mapping[str, str], second: Mapping[str, str]) -> list[str]:
    groups = {
        "new": [name for name in second if name not in first],
        "gone": [name for name in first if name not in second],
        "changed": [name for name in second if name in first and first[name] != second[name]],
    }
    return [f"{what}, {len(n)} {how}: {ten(n)}" for how, n in groups.items() if n]


def _members(one: Record) -> dict[str, str]:
    return {
        f"member {place}": _words({"seed": member["seed"], **member["values"]})
        for place, member in enumerate(one.get("members", []))
    }


def _extracted(one: Record) -> dict[str, str]:
    return {
        f"extractor {name}": f"version {made['version']}, {_words(made['settings'])}"
        for name, made in one["extractors"].items()
    }


def _weights(one: Record) -> dict[str, str]:
    return {f"weights {name}": made["sha256"] or "unknown" for name, made in one["assets"].items()}


def _changes(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    names = [*first, *(name for name in second if name not in first)]
    return [
        f"{name}: {first.get(name, 'absent')}, then {second.get(name, 'absent')}"
        for name in names
        if first.get(name, "absent") != second.get(name, "absent")
    ]


def _flat(values: Mapping[str, Any], head: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        deeper = isinstance(value, Mapping)
        found |= _flat(value, f"{head}{name}.") if deeper else {f"{head}{name}": value}
    return found


def _words(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in _flat(values).items())
