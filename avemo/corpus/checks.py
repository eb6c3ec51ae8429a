"""What must hold for a recording, and which of the published ones are missing."""

from collections import defaultdict
from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING, Any

from ..emotions import EMOTIONS
from ..settings import Catalogue
from .adapters import ravdess

if TYPE_CHECKING:  # slow to import, and a worker that measures needs neither
    import pandas as pd
    import pandera.pandas as pa

__all__ = ["judge", "missing", "published"]

#: measures that not every recording has
_TYPES = dict.fromkeys(
    ("sample_rate", "channels", "width", "height", "frames", "rotation"), "Int64"
) | dict.fromkeys(("duration_s", "peak_dbfs", "clipped", "frame_rate"), "float64")


def judge(rows: "pd.DataFrame", settings: Catalogue) -> "pd.DataFrame":
    """Say what is wrong with each recording, and whether that sets it aside.

    Args:
        rows: by path, with `finding` and `reason` of what cannot be used at all
        settings: `findings` says which of the others set aside

    Returns:
        the rows; finding and reason tell why one is set aside, warnings (classes, comma separated)
        what is told of one that is used
    """
    rows = rows.astype(_TYPES).assign(warnings="")
    for finding, reasons in _broken(rows[rows["finding"].eq("")], settings).items():
        _tell(rows, finding, reasons, settings)
    _tell(rows, "contradiction", _contradictions(rows), settings)
    fine = rows[rows["finding"].eq("")]
    again = fine.index[fine.duplicated("recording")]
    already = "the corpus holds a recording of this name already"
    _tell(rows, "duplicate", dict.fromkeys(again, already), settings)
    _tell(rows, "identical", _identical(rows[rows["finding"].eq("")]), settings)
    rows["warnings"] = rows["warnings"].where(rows["finding"].eq(""), "")
    return rows


def published() -> list[ravdess.Recording]:
    """The 7,356 recordings of the published archives."""
    fields: list[Any] = [ravdess.MODALITIES, ravdess.CHANNELS, range(1, len(EMOTIONS) + 1)]
    fields += [ravdess.INTENSITIES, ravdess.STATEMENTS, (1, 2), ravdess.ACTORS]
    recordings = (ravdess.Recording(*codes) for codes in product(*fields))
    return [
        one
        for one in recordings
        if not _unheard_of(one.channel, one.label, one.intensity)
        and (ravdess.CHANNELS[one.channel], one.actor) != ("song", ravdess.NO_SINGER)
    ]


def missing(rows: "pd.DataFrame") -> dict[str, list[str]]:
    """What is not there of the published archives that the corpus has something of.

    Args:
        rows: the catalogue; what is set aside is there

    Returns:
        an archive's name and the names of the files that it lacks, for archives that lack some
    """
    there = set(rows["recording"]) - {""}
    archives = {_archive(ravdess.parse(name)) for name in there}
    lacking = defaultdict(list)
    for one in published():
        if _archive(one) in archives and one.id not in there:
            lacking[_archive(one)].append(one.file.name)
    return {archive: sorted(names) for archive, names in sorted(lacking.items())}


def _archive(recording: ravdess.Recording) -> str:
    return recording.file.parts[0]


def _broken(rows: "pd.DataFrame", settings: Catalogue) -> dict[str, dict[Any, str]]:
    """By finding, the rows that have it, and why."""
    from pandera.errors import SchemaErrors

    if rows.empty:
        return {}
    try:
        _schema(settings).validate(rows, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases.drop_duplicates(["check", "index"])
        reasons = _reasons(settings)
        return {
            finding: {at: reasons[finding](row) for at, row in rows.loc[sorted(found)].iterrows()}
            for finding, found in cases.groupby("check")["index"]
        }
    return {}


def _schema(settings: Catalogue) -> "pa.DataFrameSchema":
    """The recordings that nothing is wrong with; a check has its finding's name."""
    import pandera.pandas as pa

    long_enough = pa.Check.ge(settings.min_duration_s, error="too-short")
    not_clipped = pa.Check.le(settings.max_clipped_ratio, error="clipped")
    return pa.DataFrameSchema(
        {
            "duration_s": pa.Column(checks=long_enough),
            "clipped": pa.Column(checks=not_clipped, nullable=True),
        },
        checks=[
            pa.Check(lambda rows: rows["has_sound"] | rows["modality"].ne(3), error="silent"),
            pa.Check(lambda rows: _folder(rows).eq(rows["actor"]).fillna(True), error="folder"),
            pa.Check(lambda rows: rows.apply(_why_unheard_of, axis=1).eq(""), error="emotion"),
        ],
    )


def _reasons(settings: Catalogue) -> dict[str, Callable[[Any], str]]:
    """By finding, a sentence on a row that has it."""
    return {
        "too-short": lambda row: (
            f"{row.duration_s:.2f} s; at least {settings.min_duration_s} s "
            "(catalogue.min_duration_s) are expected"
        ),
        "silent": lambda row: (
            f"the sound's peak stays below {settings.silence_dbfs} dBFS (catalogue.silence_dbfs)"
        ),
        "clipped": lambda row: (
            f"{row.clipped:.2%} of the samples are at full scale, at most "
            f"{settings.max_clipped_ratio:.2%} (catalogue.max_clipped_ratio) are expected"
        ),
        "folder": lambda row: f"the name says actor {row.actor:02d}, the folder another",
        "emotion": _why_unheard_of,
    }


def _tell(rows: "pd.DataFrame", finding: Any, reasons: dict[Any, str], settings: Catalogue) -> None:
    """Set rows aside, as always where no setting says otherwise, or warn of them."""
    for at, reason in reasons.items():
        if settings.findings.get(finding) == "warn":
            told = str(rows.at[at, "warnings"])
            rows.at[at, "warnings"] = f"{told}, {finding}" if told else finding
        elif not rows.at[at, "finding"]:
            rows.loc[at, ["finding", "reason"]] = finding, reason


def _contradictions(rows: "pd.DataFrame") -> dict[Any, str]:
    """Byte-identical recordings whose names differ in actor or emotion: which one is true?"""
    actors = rows["actor"].map("actor {:02d}, ".format)
    rows = rows.assign(claim=actors + rows["emotion"])
    rows = rows[~rows["finding"].isin(["name", "unreadable"])]
    rows = rows.sort_values(["claim", "path"])
    same = rows.groupby("sha256")[["path", "claim"]]
    first, last = same.transform("first"), same.transform("last")
    other = last.where(rows["claim"].eq(first["claim"]), first)
    return {
        at: f"the same bytes as {row['path']}, whose name says {row['claim']}"
        for at, row in other[first["claim"].ne(last["claim"])].iterrows()
    }


def _identical(rows: "pd.DataFrame") -> dict[Any, str]:
    """Recordings with the content of one that comes before them."""
    rows = rows.sort_values("recording")
    first = rows.groupby("sha256")["recording"].transform("first")
    again = rows[first.ne(rows["recording"])]
    return {at: f"the same bytes as {first[at]}" for at in again.index}


def _folder(rows: "pd.DataFrame") -> "pd.Series[Any]":
    """The actor whose folder a recording stands in; missing where it stands in nobody's."""
    return rows["path"].str.extract(r"^(?:.*/)?Actor_(\d\d)/", expand=False).astype("Int64")


def _why_unheard_of(row: Any) -> str:
    return _unheard_of(row.channel, row.emotion, row.intensity)


def _unheard_of(channel: int, emotion: str, intensity: int) -> str:
    """Why there is no such performance, or nothing."""
    if ravdess.CHANNELS[channel] == "song" and emotion not in ravdess.SUNG:
        return f"song has no {emotion}"
    if emotion == "neutral" and ravdess.INTENSITIES[intensity] == "strong":
        return "there is no strong neutral"
    return ""
