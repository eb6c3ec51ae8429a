"""The recordings of a manifest, linked or cut, with the table of what they are."""

import os
from functools import partial
from pathlib import Path

import pandas as pd

from .. import engine
from ..errors import CorpusError, MediaError, join_names
from ..media.cut import Part, cut
from .folder import FETCHED, link_file
from .manifest import below, name_spans, read_manifest

__all__ = ["fetch_manifest", "summarise_missing"]


def fetch_manifest(file: Path, target: Path) -> pd.DataFrame:
    """Bring the recordings of a manifest into a folder, and write `FETCHED` there.

    Files are linked, see `link_file`. Of a file that a row names a part of, that part is cut, see
    `media.cut`; it is named after its times.

    Returns:
        what was written: `path` from the target, speaker, emotion, sex, language, corpus, split,
        performance, licence, and `finding` and `reason`: `missing` where there is no such file, or
        why a part could not be cut

    Raises:
        CorpusError: the manifest has faults, or none of its files exists
    """
    rows = read_manifest(file)
    folder = file.resolve().parent
    rows["source"] = [os.path.join(folder, path) for path in rows["path"]]  # noqa: PTH118
    rows["path"] = below(rows["path"])
    rows = rows.assign(finding="", reason="")
    exists = {source: os.path.isfile(source) for source in rows["source"].unique()}  # noqa: PTH113
    present = rows["source"].map(exists)
    if not present.any():
        raise CorpusError(
            f"{file}: none of its {len(rows):,} files exists, such as {rows['source'].iloc[0]}: "
            "paths are from the manifest's own folder, or absolute"
        )
    rows.loc[~present, "finding"] = "missing"
    rows.loc[~present, "reason"] = "the manifest names it, and there is no such file"
    spans = name_spans(rows)
    is_part = present & spans.ne("")
    target.mkdir(parents=True)
    for source, path in rows.loc[present & ~is_part, ["source", "path"]].itertuples(index=False):
        link_file(Path(source), target / path)
    if is_part.any():
        rows = _cut_parts(rows, spans, is_part, target)
    rows = rows.drop(columns=["source", "start", "end"])
    rows.to_parquet(target / FETCHED, index=False)
    return rows


def summarise_missing(rows: pd.DataFrame) -> str:
    """Return the files that are missing in one line; nothing if none is."""
    missing = rows[rows["finding"].eq("missing")]["path"].tolist()
    if not missing:
        return ""
    return f"{len(missing):,} of {len(rows):,} files are missing: {join_names(missing)}"


def _cut_parts(
    rows: pd.DataFrame, spans: "pd.Series[str]", is_part: "pd.Series[bool]", target: Path
) -> pd.DataFrame:
    """Cut the rows that are parts of files, and return all rows with the parts' paths."""
    rows = rows.copy()
    wanted = rows[is_part]
    stems = wanted["path"].str.replace(r"\.[^./]*$", "", regex=True) + spans[is_part]
    files = [
        (source, list(zip(own.index, own["start"], own["end"], stems[own.index], strict=True)))
        for source, own in wanted.groupby("source", sort=True)
    ]
    for results in engine.run(partial(_cut_file, target=target), files, title="cut", unit="file"):
        for index, path, finding, reason in results:
            rows.loc[index, ["path", "finding", "reason"]] = path, finding, reason
    return rows


def _cut_file(
    item: tuple[str, list[tuple[int, float, float, str]]], *, target: Path
) -> list[tuple[int, str, str, str]]:
    """Cut the parts of a file, and return each one's row, path, finding and reason."""
    source, wanted = item
    suffix = Path(source).suffix[1:]
    parts = []
    for _, start, end, stem in wanted:
        path = target / f"{stem}.{suffix}"  # files may differ in the suffix alone
        path.parent.mkdir(parents=True, exist_ok=True)
        parts.append(Part(0.0 if pd.isna(start) else start, None if pd.isna(end) else end, path))
    return [
        (index, f"{stem}.{suffix}", result.finding, str(result))
        if isinstance(result, MediaError)
        else (index, result.relative_to(target).as_posix(), "", "")
        for (index, _, _, stem), result in zip(wanted, cut(Path(source), parts), strict=True)
    ]
