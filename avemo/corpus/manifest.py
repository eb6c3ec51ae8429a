"""A manifest: a table that says who speaks in each recording, and with what emotion.

Columns: `path` (from the manifest's folder, or absolute), `speaker`, `emotion`; where there are
any, `start` and `end` (seconds, of a recording that is part of a file), `sex`, `language`,
`corpus`, `split` (train, valid and test, or a fold's number), `performance` (the take, where
several files show it) and `licence` (of the corpus). A table of audformat has `file` for `path`
and `gender` for `sex`; of a database of audformat, see `audformat_database`.
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from ..errors import CorpusError, join_names
from .audformat_database import as_text
from .manifest_file import read_table

__all__ = [
    "OWN",
    "TEXT",
    "below",
    "find_manifests",
    "locate_manifest",
    "name_spans",
    "normalise_corpora",
    "read_manifest",
]

log = logging.getLogger(__name__)

#: the columns that are text; `start` and `end` are numbers
TEXT = (
    *("path", "speaker", "emotion", "sex", "language", "corpus", "split", "performance"),
    "licence",
)
#: the columns of what `read_manifest` returns
_COLUMNS = (*TEXT, "start", "end")
#: the corpus of recordings of which the manifest names none
OWN = "own"

#: in a folder; the last is the header of a database of audformat
_NAMES = ("manifest.csv", "manifest.parquet", "manifest.jsonl", "db.yaml")
_REQUIRED = ("path", "speaker", "emotion")
_ARTICLES = {"path": "a path", "speaker": "a speaker", "emotion": "an emotion"}
_OTHER_NAMES = {"file": "path", "gender": "sex", "license": "licence"}
_SEXES = {
    **dict.fromkeys(("male", "m", "man"), "male"),
    **dict.fromkeys(("female", "f", "w", "woman"), "female"),
    **dict.fromkeys(("", "unknown", "other"), "unknown"),
}
#: names of parts, and other names for them
_PARTS = {
    "train": "train",
    **dict.fromkeys(("valid", "validation", "val", "dev", "development"), "valid"),
    "test": "test",
}


def find_manifests(path: Path) -> list[Path]:
    """Return the manifests that a path names: a file itself, those in a folder; maybe none."""
    candidates = [path / name for name in _NAMES] if path.is_dir() else [path]
    return [file for file in candidates if file.is_file()]


def locate_manifest(path: Path) -> Path:
    """Return the manifest that `corpus.path` names: a file, or the one in a folder.

    Raises:
        CorpusError: there is none
    """
    files = find_manifests(path)
    if len(files) == 1:
        return files[0]
    reason = f"both {files[0].name} and {files[1].name}" if files else "no manifest"
    raise CorpusError(
        f"corpus.path: {path} has {reason}; the file of one is expected, or a folder with "
        "audformat's db.yaml or with a manifest.csv, .parquet or .jsonl: `avemo corpus manifest "
        "FOLDER` writes one for the corpora that avemo knows"
    )


def read_manifest(file: Path) -> pd.DataFrame:
    """Read and check a manifest.

    Returns:
        `_COLUMNS`, a row a recording, in the manifest's order. `start` and `end` are float64, NaN
        where the recording begins or ends with its file; everything else is text: `corpus` is
        written as adapters are named (CREMA-D: crema_d), `sex` is male, female or unknown

    Raises:
        CorpusError: it is no such table, or holds what cannot be; each kind is logged in a line
    """
    table = read_table(file)
    names = {name: str(name).strip().lower() for name in table.columns}
    table = table.rename(columns=names)
    table = table.rename(
        columns={was: name for was, name in _OTHER_NAMES.items() if name not in table}
    )
    if missing := [name for name in _REQUIRED if name not in table]:
        raise CorpusError(
            f"{file}: there is no column {join_names(missing)}; path, speaker and emotion are "
            f"expected, its columns are {join_names([str(name) for name in table])}"
        )
    rows = pd.DataFrame({name: _read_text(table, name) for name in TEXT})
    rows["path"] = rows["path"].str.replace(r"/(?:\./|/)+", "/", regex=True)
    rows["path"] = rows["path"].str.removeprefix("./")
    rows["corpus"] = normalise_corpora(rows["corpus"])
    rows["sex"] = rows["sex"].str.lower()
    rows["split"] = rows["split"].str.lower().replace(_PARTS)
    for name in ("start", "end"):
        rows[name] = _read_seconds(table, name)
    rows["performance"] = rows["performance"].mask(rows["performance"].eq(""), _name_takes(rows))
    faults = list(_list_faults(rows, _unread_seconds(table, rows)))
    for line in faults:
        log.warning(f"{file.name}: {line}")
    if faults:
        raise CorpusError(
            f"{file}: {'; '.join(faults)}; mend the manifest: nothing was changed"
            if len(faults) == 1
            else f"{file}: {len(faults)} kinds of faults, each in a line above; mend the manifest: "
            "nothing was changed"
        )
    rows["sex"] = rows["sex"].map(_SEXES)
    rows["start"] = rows["start"].where(rows["start"].gt(0))
    return rows[list(_COLUMNS)]


def normalise_corpora(names: "pd.Series[str]") -> "pd.Series[str]":
    """Return names of corpora as adapters are named (CREMA-D: crema_d); `OWN` for empty ones."""
    words = names.str.lower().str.replace(r"[^a-z0-9]+", "_", regex=True)
    return words.str.strip("_").replace("", OWN)


def _read_text(table: pd.DataFrame, name: str) -> "pd.Series[str]":
    if name not in table:
        return pd.Series("", index=table.index, dtype=str)
    return as_text(table[name])


def _read_seconds(table: pd.DataFrame, name: str) -> "pd.Series[float]":
    """Return seconds, of numbers or of time spans, such as audformat's; NaN where none are."""
    if name not in table:
        return pd.Series(float("nan"), index=table.index)
    column = table[name]
    if not pd.api.types.is_timedelta64_dtype(column):
        seconds = pd.to_numeric(column, errors="coerce").astype("float64")
        if seconds.notna().equals(column.notna() & column.ne("")):
            return seconds
        spans = pd.to_timedelta(column.where(seconds.isna()), errors="coerce")
        return seconds.fillna(spans.dt.total_seconds())
    return pd.Series(column.dt.total_seconds(), dtype="float64")


def _unread_seconds(table: pd.DataFrame, rows: pd.DataFrame) -> "pd.Series[bool]":
    """Return which rows have a start or an end that is no time."""
    unread = pd.Series(False, index=rows.index)
    for name in ("start", "end"):
        if name in table:
            text = table[name].astype("string").fillna("").str.strip().str.lower()
            unread |= rows[name].isna() & ~text.isin(["", "nat", "nan", "none"])
    return unread


def _list_faults(rows: pd.DataFrame, unread_seconds: "pd.Series[bool]") -> Iterator[str]:
    """Yield a line for each kind of fault: what is wrong, how often, and the first ten."""
    if rows.empty:
        yield "it has no rows: one a recording is expected"
        return
    path, label = rows["path"], _name_recordings(rows)
    absolute = path.str.startswith(os.sep)
    for name in _REQUIRED:
        if (empty := rows[name].eq("")).any():
            lines = pd.Series(rows.index, rows.index).add(1).map("row {:,}".format)
            yield _fault(f"without {_ARTICLES[name]}", (lines if name == "path" else label)[empty])
    if absolute.any() and not absolute.all():
        fewer = absolute if absolute.sum() * 2 <= len(rows) else ~absolute
        kind = "absolute" if fewer is absolute else "relative"
        yield _fault(
            f"{kind} paths, where the others are not: one way is expected in all rows", path[fewer]
        )
    outside = ~absolute & path.str.contains(r"(?:^|/)\.\.(?:/|$)")
    if outside.any():
        yield _fault(
            "paths that lead out of the manifest's folder: move the manifest up, or write "
            "absolute paths",
            path[outside],
        )
    yield from _list_span_faults(rows, label, unread_seconds)
    yield from _list_claims(rows, label)
    if (unknown := ~rows["sex"].isin(_SEXES)).any():
        yield _fault("sexes other than male, female and unknown", rows["sex"][unknown])
    yield from _list_split_faults(rows["split"])


def _list_span_faults(
    rows: pd.DataFrame, label: "pd.Series[str]", unread_seconds: "pd.Series[bool]"
) -> Iterator[str]:
    if unread_seconds.any():
        yield _fault("with a start or end that is no number of seconds", label[unread_seconds])
    before = rows["start"].lt(0) | rows["end"].le(rows["start"].fillna(0))
    if before.any():
        yield _fault("that start before 0, or end where they start or earlier", label[before])


def _list_claims(rows: pd.DataFrame, label: "pd.Series[str]") -> Iterator[str]:
    """Yield what the rows say of one file, performance or speaker, and cannot both be true."""
    span = rows.assign(start=rows["start"].fillna(0), end=rows["end"].fillna(-1.0))
    is_file = span["start"].eq(0) & span["end"].eq(-1)
    who = (rows["corpus"] + "-" + rows["speaker"]).rename("who")
    speakers = who.groupby(rows["path"]).transform("nunique")
    shares_file = is_file.groupby(rows["path"]).transform("any") & speakers.gt(1)
    repeated = span.duplicated(["path", "start", "end"], keep=False)
    by_span = who.groupby([span["path"], span["start"], span["end"]]).transform("nunique")
    two_speakers = shares_file | (repeated & by_span.gt(1))
    if two_speakers.any():
        yield _fault("files that have two speakers", rows["path"][two_speakers])
    if (twice := repeated & ~two_speakers).any():
        yield _fault("that are there more than once", label[twice])
    takes = rows[~repeated & ~two_speakers].assign(who=who)
    for column, what in (("who", "speakers"), ("emotion", "emotions"), ("split", "splits")):
        values = takes.groupby(["corpus", "performance"])[column].transform("nunique")
        if values.gt(1).any():
            yield _fault(f"performances of two {what}", takes["performance"][values.gt(1)])
    sex = rows["sex"].map(_SEXES)
    known = who[sex.isin(["male", "female"])]
    sexes = sex[known.index].groupby(known).transform("nunique")
    if sexes.gt(1).any():
        yield _fault("speakers of two sexes", known[sexes.gt(1)])


def _list_split_faults(split: "pd.Series[str]") -> Iterator[str]:
    is_part, is_fold = split.isin(set(_PARTS.values())), split.str.fullmatch(r"[1-9]\d{0,3}")
    if (unknown := ~is_part & ~is_fold & split.ne("")).any():
        yield _fault("splits other than train, valid, test or a fold's number", split[unknown])
    if is_part.any() and is_fold.any():
        yield "some splits are parts and some folds' numbers: one way is expected in all rows"


def _name_recordings(rows: pd.DataFrame) -> "pd.Series[str]":
    """Return each row's path, with its span where it has one."""
    names = rows["path"]
    if rows[["start", "end"]].isna().all(axis=None):
        return names
    start, end = (rows[name].map("{:g}".format).replace("nan", "") for name in ("start", "end"))
    return names.where(start.eq("") & end.eq(""), names + " [" + start + ", " + end + "]")


def _name_takes(rows: pd.DataFrame) -> "pd.Series[str]":
    """Return the names of performances that have none: the path without its suffix, and the span.

    Of absolute paths, it is the path from the folder that holds all of them.
    """
    names = below(rows["path"]).str.replace(r"\.[^./]*$", "", regex=True)
    return names + name_spans(rows)


def below(path: "pd.Series[str]") -> "pd.Series[str]":
    """Return absolute paths from the folder that holds them all; relative ones as they are."""
    if path.empty or not path.str.startswith(os.sep).all():
        return path
    folder = os.path.commonpath([os.path.dirname(path.min()), os.path.dirname(path.max())])  # noqa: PTH120
    return path.str.removeprefix(f"{folder.rstrip('/')}/")


def name_spans(rows: pd.DataFrame) -> "pd.Series[str]":
    """Return `_1.5-3.25` for a recording from 1.5 to 3.25 s of its file, and nothing for a file."""
    spans = pd.Series("", index=rows.index)
    is_part = rows["start"].gt(0) | rows["end"].notna()
    if not is_part.any():
        return spans
    parts = rows[is_part]
    start = parts["start"].fillna(0).map(_format_seconds)
    end = parts["end"].map(_format_seconds).replace("nan", "end")
    spans[is_part] = "_" + start + "-" + end
    return spans


def _format_seconds(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


def _fault(kind: str, names: "pd.Series[str]") -> str:
    listed = [str(name) for name in names.drop_duplicates()]
    return f"{len(names):,} {kind}: {join_names(listed)}"
