"""What differs between what made two runs or versions, in words."""

from collections.abc import Mapping
from typing import Any

from ..errors import join_names
from ..tracking.lineage import Lineage
from .lineage import flat, sources, words

__all__ = ["differences"]


def differences(first: Lineage, second: Lineage) -> dict[str, list[str]]:
    """What differs from the first to the second, in words, by what it belongs to.

    Returns:
        of data, code, settings, choice, packages and machine those in which something differs
    """
    pairs = {
        "data": _data(first, second),
        "code": _code(first, second),
        "settings": _changes(flat(first.settings), flat(second.settings)),
        "choice": _changes(_members(first), _members(second)),
        "packages": _changes(first.packages, second.packages),
        "machine": _changes(flat(first.machine.model_dump()), flat(second.machine.model_dump())),
    }
    return {name: lines for name, lines in pairs.items() if lines}


def _data(first: Lineage, second: Lineage) -> list[str]:
    lines = []
    lines += _changes({"split": first.split_id}, {"split": second.split_id})
    lines += _changes({"protocol": first.protocol}, {"protocol": second.protocol})
    lines += _files("recordings", first.recordings, second.recordings)
    lines += _changes(_extracted(first), _extracted(second))
    lines += _changes(_weights(first), _weights(second))
    changed = [path for path, md5 in second.data.items() if first.data.get(path) != md5]
    lines += [f"{path} has another content" for path in changed if path in first.data]
    lines += [f"{path} is new" for path in changed if path not in first.data]
    return lines + [f"{path} is gone" for path in first.data if path not in second.data]


def _code(first: Lineage, second: Lineage) -> list[str]:
    lines = _changes({"stage": first.stage}, {"stage": second.stage})
    if first.commit != second.commit:
        lines.append(f"commit: {first.commit or 'none'}, then {second.commit or 'none'}")
    if first.diff != second.diff:
        which = "both, not the same" if first.dirty and second.dirty else None
        which = which or ("the first" if first.dirty else "the second")
        lines.append(f"changes that were not committed: in {which}, see uncommitted.diff")
    both = set(first.upstream) & set(second.upstream)
    for stage in (name for name in second.upstream if name in both):
        deps = [sources(one, stage) for one in (first, second)]
        lines += _files(f"code and sources of stage {stage}", *deps)
    return lines


def _files(what: str, first: Mapping[str, str], second: Mapping[str, str]) -> list[str]:
    groups = {
        "new": [name for name in second if name not in first],
        "gone": [name for name in first if name not in second],
        "changed": [name for name in second if name in first and first[name] != second[name]],
    }
    return [f"{what}, {len(n)} {how}: {join_names(n)}" for how, n in groups.items() if n]


def _members(one: Lineage) -> dict[str, str]:
    return {
        f"member {place}": words({"seed": member.seed, **member.configuration})
        for place, member in enumerate(one.choice.members if one.choice else [])
    }


def _extracted(one: Lineage) -> dict[str, str]:
    return {
        f"extractor {name}": f"version {spec.version}, {words(spec.settings | spec.resources)}"
        for name, spec in one.extractors.items()
    }


def _weights(one: Lineage) -> dict[str, str]:
    return {f"weights {name}": file.sha256 or "unknown" for name, file in one.assets.items()}


def _changes(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    names = [*first, *(name for name in second if name not in first)]
    return [
        f"{name}: {first.get(name, 'absent')}, then {second.get(name, 'absent')}"
        for name in names
        if first.get(name, "absent") != second.get(name, "absent")
    ]
