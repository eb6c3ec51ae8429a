"""What differs between what made two runs or versions, in words."""

from collections.abc import Mapping

from ..errors import join_names
from ..tracking.lineage import Lineage
from .lineage import flatten, format_values, source_checksums

__all__ = ["find_differences"]


def find_differences(first: Lineage, second: Lineage) -> dict[str, list[str]]:
    """Return what differs from the first to the second, in words, by what it belongs to.

    Returns:
        those of data, code, settings, choice, packages and machine in which something differs
    """
    groups = {
        "data": _data_differences(first, second),
        "code": _code_differences(first, second),
        "settings": _changes(flatten(first.settings), flatten(second.settings)),
        "choice": _changes(_members(first), _members(second)),
        "packages": _changes(first.packages, second.packages),
        "machine": _changes(
            flatten(first.machine.model_dump()), flatten(second.machine.model_dump())
        ),
    }
    return {name: lines for name, lines in groups.items() if lines}


def _data_differences(first: Lineage, second: Lineage) -> list[str]:
    lines = _changes({"split": first.split_id}, {"split": second.split_id})
    lines += _changes({"protocol": first.protocol}, {"protocol": second.protocol})
    lines += _file_changes("recordings", first.recordings, second.recordings)
    lines += _changes(_extractors(first), _extractors(second))
    lines += _changes(_weights(first), _weights(second))
    changed = [path for path, md5 in second.data.items() if first.data.get(path) != md5]
    lines += [f"{path} has another content" for path in changed if path in first.data]
    lines += [f"{path} is new" for path in changed if path not in first.data]
    return lines + [f"{path} is gone" for path in first.data if path not in second.data]


def _code_differences(first: Lineage, second: Lineage) -> list[str]:
    lines = _changes({"stage": first.stage}, {"stage": second.stage})
    lines += _changes({"commit": first.commit or "none"}, {"commit": second.commit or "none"})
    if first.diff != second.diff:
        if first.dirty and second.dirty:
            where = "both, not the same"
        else:
            where = "the first" if first.dirty else "the second"
        lines.append(f"changes that were not committed: in {where}, see uncommitted.diff")
    for stage in second.upstream:
        if stage in first.upstream:
            checksums = [source_checksums(lineage, stage) for lineage in (first, second)]
            lines += _file_changes(f"code and sources of stage {stage}", *checksums)
    return lines


def _file_changes(subject: str, first: Mapping[str, str], second: Mapping[str, str]) -> list[str]:
    """Return a line each for the files that are new, gone and changed, by their checksums."""
    names = {
        "new": [name for name in second if name not in first],
        "gone": [name for name in first if name not in second],
        "changed": [name for name in second if name in first and first[name] != second[name]],
    }
    return [
        f"{subject}, {len(group)} {change}: {join_names(group)}"
        for change, group in names.items()
        if group
    ]


def _members(lineage: Lineage) -> dict[str, str]:
    members = lineage.choice.members if lineage.choice else []
    return {
        f"member {number}": format_values({"seed": member.seed, **member.configuration})
        for number, member in enumerate(members)
    }


def _extractors(lineage: Lineage) -> dict[str, str]:
    return {
        f"extractor {name}": f"version {spec.version}, "
        f"{format_values({**spec.settings, **spec.resources})}"
        for name, spec in lineage.extractors.items()
    }


def _weights(lineage: Lineage) -> dict[str, str]:
    return {f"weights {name}": file.sha256 or "unknown" for name, file in lineage.assets.items()}


def _changes(first: Mapping[str, object], second: Mapping[str, object]) -> list[str]:
    """Return a line for each name whose value is not the same in both."""
    names = [*first, *(name for name in second if name not in first)]
    return [
        f"{name}: {first.get(name, 'absent')}, then {second.get(name, 'absent')}"
        for name in names
        if first.get(name, "absent") != second.get(name, "absent")
    ]
