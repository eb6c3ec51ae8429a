"""Which file of OpenFace, or row of a table of means, belongs to which performance."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias

import numpy as np
import pandas as pd

from ...errors import CorpusError, MediaError, join_names
from ...tables import read_csv
from .action_units import ACTION_UNITS

__all__ = ["ClipSource", "Listing", "list_sources"]

_SETTING = "imported.openface"

#: a clip's CSV, its means, or why it has neither
ClipSource: TypeAlias = Path | tuple[float, ...] | MediaError


@dataclass(frozen=True)
class Listing:
    """What there is to import.

    Args:
        sources: a row a performance, as `store.update` takes them; their `file` is a `ClipSource`
        notes: what was left out or is ambiguous, a sentence each
    """

    sources: pd.DataFrame
    notes: list[str]


@dataclass(frozen=True)
class _Entry:
    """A file or a row.

    Args:
        names: it may be known by, the most exact first
        label: where it stands
        digest: of its content
        source: the file or the means
    """

    names: tuple[str, ...]
    label: str
    digest: str
    source: ClipSource


def list_sources(path: Path, recordings: pd.DataFrame) -> Listing | None:
    """Return the action units of each performance that has some; None where nothing is there yet.

    Args:
        path: a folder of CSV files in any nesting, each called as a recording or as its
            performance; or a CSV table of means, with the columns `performance` and
            `ACTION_UNITS`
        recordings: the usable rows of the catalogue

    Raises:
        CorpusError: the path is missing, is no such table, or is of another corpus
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        entries = [_file_entry(file, path) for file in files if file.suffix.lower() == ".csv"]
        if not entries:
            if all(file.name == "README.md" for file in files):
                return None
            raise CorpusError(f"{_SETTING}: {path} holds no .csv file of OpenFace")
    elif path.is_file():
        entries = _table_entries(path)
    else:
        raise CorpusError(f"{_SETTING}: there is no {path}: set it in params.yaml")
    return _assign(entries, recordings, path)


def _file_entry(file: Path, folder: Path) -> _Entry:
    name = file.relative_to(folder).with_suffix("").as_posix()
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return _Entry((name, file.stem), file.relative_to(folder).as_posix(), digest, file)


def _table_entries(file: Path) -> list[_Entry]:
    try:
        table = read_csv(file)
    except (OSError, ValueError) as error:  # pandas' own are ValueErrors
        problem = " ".join(str(error).split())
        raise CorpusError(f"{_SETTING}: {file} is no CSV table: {problem}") from None
    table.columns = table.columns.str.strip()
    if missing := [name for name in ("performance", *ACTION_UNITS) if name not in table]:
        hint = "; a clip's CSV belongs into a folder, which is then the path"
        raise CorpusError(
            f"{_SETTING}: {file} lacks the columns {join_names(missing, 3)}: a table of means has "
            f"`performance`, AU01_r to AU45_r and AU01_c to AU45_c{hint * ('frame' in table)}"
        )
    means = table[list(ACTION_UNITS)].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    return [
        _Entry(
            (str(name).strip(),),
            f"row {number}",
            hashlib.sha256(row.tobytes()).hexdigest(),
            tuple(row.tolist()),
        )
        for number, (name, row) in enumerate(zip(table["performance"], means, strict=True), 2)
    ]


def _assign(entries: list[_Entry], recordings: pd.DataFrame, path: Path) -> Listing:
    """Return each performance's entry."""
    known = _performances_by_name(recordings)
    by_performance: dict[str, dict[str, list[_Entry]]] = {}
    unknown = []
    for entry in entries:
        name = next((name for name in entry.names if name in known), None)
        if name is None:
            unknown.append(entry.names[-1])
        else:
            by_performance.setdefault(known[name], {}).setdefault(name, []).append(entry)
    if not by_performance:
        example = recordings["performance"].iloc[0]
        raise CorpusError(
            f"{_SETTING}: {path} has nothing of a recording of the corpus, but {len(entries)} "
            f"other names: {join_names(unknown, 3)}; names such as {example} are expected"
        )
    notes = []
    if unknown:
        notes.append(
            f"{len(unknown)} names are of no usable recording: {join_names(sorted(unknown))}"
        )
    several = sorted(name for name, entries in by_performance.items() if len(entries) > 1)
    if several:
        notes.append(
            f"{len(several)} performances have files of several recordings, of which the first by "
            f"name is used: {join_names(several)}"
        )
    selected = {name: _select(name, own) for name, own in by_performance.items()}
    rows = recordings.drop_duplicates("performance")
    rows = rows[rows["performance"].isin(selected)]
    own = [selected[name] for name in rows["performance"]]
    sources = pd.Series([entry.source for entry in own], rows.index, dtype=object)
    return Listing(rows.assign(sha256=[entry.digest for entry in own], file=sources), notes)


def _performances_by_name(recordings: pd.DataFrame) -> Mapping[str, str]:
    """Return the performance that a name stands for.

    A performance is also known by the names of its recordings: RAVDESS's films (01- and 02-), of
    which OpenFace's files are, need not be in the corpus. A file's own name counts where no two
    performances have it.
    """
    known: dict[str, str] = {}
    stems: dict[str, set[str]] = {}
    for row in recordings.itertuples():
        performance = str(row.performance)
        path = PurePosixPath(str(row.path))
        films = (f"0{modality}-{performance}" for modality in (1, 2, 3))
        names = (performance, *films, str(row.recording), path.with_suffix("").as_posix())
        known |= dict.fromkeys(names, performance)
        stems.setdefault(path.stem, set()).add(performance)
    single = {stem: next(iter(names)) for stem, names in stems.items() if len(names) == 1}
    return single | known


def _select(performance: str, by_name: Mapping[str, Iterable[_Entry]]) -> _Entry:
    """Return the entry of a performance: its own name before its recordings', these in order."""
    name = min(by_name, key=lambda name: (name != performance, name))
    first, *others = by_name[name]
    different = [entry for entry in others if entry.digest != first.digest]
    if not different:
        return first
    error = MediaError(
        "duplicate",
        f"{first.label} and {different[0].label} are both of {name} and differ: remove one",
    )
    digest = hashlib.sha256("".join(entry.digest for entry in by_name[name]).encode()).hexdigest()
    return _Entry((name,), first.label, digest, error)
