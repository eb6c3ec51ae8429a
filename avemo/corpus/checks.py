"""Checks of recordings, and which of the published ones are missing."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

from ..settings import Catalogue
from .adapters import ravdess
from .selection import select_identical

if TYPE_CHECKING:  # slow to import, and a worker that measures needs neither
    import pandas as pd
    import pandera.pandas as pa

__all__ = ["apply_checks", "list_missing", "list_published"]

#: a row, or a column, of the catalogue
Series: TypeAlias = "pd.Series[Any]"
#: by the row's index in the catalogue: what is wrong with it, in a sentence
Reasons = Mapping[Hashable, str]

#: measures that not every recording has
_TYPES = dict.fromkeys(
    ("sample_rate", "channels", "heard_channel", "width", "height", "frames", "rotation"), "Int64"
) | dict.fromkeys(("duration_s", "peak_dbfs", "clipped_ratio", "frame_rate"), "float64")


def apply_checks(rows: "pd.DataFrame", settings: Catalogue) -> "pd.DataFrame":
    """Record what is wrong with each recording, and whether that sets it aside.

    Args:
        rows: sorted by path, with `finding` and `reason` where a recording cannot be used at all
        settings: `findings` says which other findings set a recording aside

    Returns:
        the rows; `finding` and `reason` say why a recording is set aside; `warnings` (findings,
        comma separated) what is wrong with one that is used
    """
    rows = rows.astype(_TYPES).assign(warnings="")
    for finding, reasons in _failed_checks(rows[rows["finding"].eq("")], settings).items():
        _record_finding(rows, finding, reasons, settings)
    _record_finding(rows, "contradiction", _contradictions(rows), settings)
    fine = rows[rows["finding"].eq("")]
    duplicates = fine.index[fine.duplicated("recording")]
    reason = "the corpus holds a recording of this name already"
    _record_finding(rows, "duplicate", dict.fromkeys(duplicates, reason), settings)
    _record_finding(rows, "identical", _identical(rows[rows["finding"].eq("")]), settings)
    rows["warnings"] = rows["warnings"].where(rows["finding"].eq(""), "")
    return rows


def list_published() -> list[ravdess.Recording]:
    """Return the 7,356 recordings of the published archives."""
    codes = product(
        ravdess.MODALITIES,
        ravdess.CHANNELS,
        range(1, len(ravdess.EMOTIONS) + 1),
        ravdess.INTENSITIES,
        ravdess.STATEMENTS,
        (1, 2),
        ravdess.ACTORS,
    )
    recordings = (ravdess.Recording(*fields) for fields in codes)
    return [
        recording
        for recording in recordings
        if not _why_unpublished(recording.channel, recording.label, recording.intensity)
        and (ravdess.CHANNELS[recording.channel], recording.actor) != ("song", ravdess.NO_SINGER)
    ]


def list_missing(rows: "pd.DataFrame") -> dict[str, list[str]]:
    """Return the missing files of the published archives of which the corpus has at least one.

    Args:
        rows: the catalogue; a recording that is set aside is not missing

    Returns:
        the names of the missing files, by the archive's name
    """
    present = set(rows[rows["corpus"].eq(ravdess.NAME)]["recording"]) - {""}
    archives = {_archive(ravdess.parse(name)) for name in present}
    missing = defaultdict(list)
    for recording in list_published():
        if _archive(recording) in archives and recording.id not in present:
            missing[_archive(recording)].append(recording.file.name)
    return {archive: sorted(names) for archive, names in sorted(missing.items())}


def _archive(recording: ravdess.Recording) -> str:
    return recording.file.parts[0]


def _failed_checks(rows: "pd.DataFrame", settings: Catalogue) -> dict[str, Reasons]:
    """Return, by finding, the reason for each row that has it."""
    from pandera.errors import SchemaErrors

    if rows.empty:
        return {}
    try:
        _schema(settings).validate(rows, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases.drop_duplicates(["check", "index"])
        reasons = _reasons(settings)
        return {
            finding: {at: reasons[finding](row) for at, row in rows.loc[sorted(indices)].iterrows()}
            for finding, indices in cases.groupby("check")["index"]
        }
    return {}


def _schema(settings: Catalogue) -> "pa.DataFrameSchema":
    """Return the schema of flawless recordings; each check is named as its finding."""
    import pandera.pandas as pa

    long_enough = pa.Check.ge(settings.min_duration_s, error="too-short")
    not_clipped = pa.Check.le(settings.max_clipped_ratio, error="clipped")
    nothing_trails = pa.Check.eq(0, error="trailing")
    return pa.DataFrameSchema(
        {
            "duration_s": pa.Column(checks=long_enough),
            "clipped_ratio": pa.Column(checks=not_clipped, nullable=True),
            "trailing_bytes": pa.Column(checks=nothing_trails),
        },
        checks=[
            pa.Check(lambda rows: rows["has_sound"] | rows["modality"].ne(3), error="silent"),
            pa.Check(_is_in_own_folder, error="folder"),
            pa.Check(_is_published, error="emotion"),
        ],
    )


def _reasons(settings: Catalogue) -> dict[str, Callable[[Series], str]]:
    """Return, by finding, the function that writes the reason for a row."""
    return {
        "too-short": lambda row: (
            f"{row.duration_s:.2f} s; at least {settings.min_duration_s} s "
            "(catalogue.min_duration_s) are expected"
        ),
        "silent": lambda row: (
            f"the sound's peak stays below {settings.silence_dbfs} dBFS (catalogue.silence_dbfs)"
        ),
        "clipped": lambda row: (
            f"{row.clipped_ratio:.2%} of the samples are at full scale, at most "
            f"{settings.max_clipped_ratio:.2%} (catalogue.max_clipped_ratio) are expected"
        ),
        "trailing": lambda row: (
            f"the file holds {row.trailing_bytes:,} bytes more than its header states, which "
            "players may leave out: export it anew if they are sound"
        ),
        "folder": lambda row: f"the name says actor {row.actor}, the folder another",
        "emotion": lambda row: _why_unpublished(row.channel, row.corpus_emotion, row.intensity),
    }


def _record_finding(
    rows: "pd.DataFrame", finding: str, reasons: Reasons, settings: Catalogue
) -> None:
    """Set rows aside for a finding; only warn where the settings say so."""
    configured = {str(name): action for name, action in settings.findings.items()}
    for at, reason in reasons.items():
        if configured.get(finding) == "warn":
            warnings = str(rows.at[at, "warnings"])
            rows.at[at, "warnings"] = f"{warnings}, {finding}" if warnings else finding
        elif not rows.at[at, "finding"]:
            rows.loc[at, ["finding", "reason"]] = finding, reason


def _contradictions(rows: "pd.DataFrame") -> Reasons:
    """Return the byte-identical recordings that differ in speaker or emotion."""
    rows = select_identical(rows)
    rows = rows.assign(claim="actor " + rows["actor"] + ", " + rows["corpus_emotion"])
    rows = rows.sort_values(["claim", "path"])
    same = rows.groupby("sha256")[["path", "claim"]]
    first, last = same.transform("first"), same.transform("last")
    other = last.where(rows["claim"].eq(first["claim"]), first)
    return {
        at: f"the same bytes as {row['path']}, which is of {row['claim']}"
        for at, row in other[first["claim"].ne(last["claim"])].iterrows()
    }


def _identical(rows: "pd.DataFrame") -> Reasons:
    """Return the recordings with the same content as an earlier one."""
    rows = rows.sort_values("recording")
    first = rows.groupby("sha256")["recording"].transform("first")
    copies = rows[first.ne(rows["recording"])]
    return {at: f"the same bytes as {first[at]}" for at in copies.index}


def _is_in_own_folder(rows: "pd.DataFrame") -> "pd.Series[bool]":
    """Return whether RAVDESS's recordings are in no other actor's folder."""
    folder = rows["path"].str.extract(r"^(?:.*/)?Actor_(\d\d)/", expand=False)
    return folder.isna() | folder.eq(rows["actor"]) | rows["corpus"].ne(ravdess.NAME)


def _is_published(rows: "pd.DataFrame") -> "pd.Series[bool]":
    """Return whether RAVDESS has such performances; recordings of other corpora always pass."""
    own = rows.loc[rows["corpus"].eq(ravdess.NAME), ["channel", "corpus_emotion", "intensity"]]
    unpublished = [at for at, *fields in own.itertuples() if _why_unpublished(*fields)]
    return ~rows.index.to_series().isin(unpublished)


def _why_unpublished(channel: int, emotion: str, intensity: int) -> str:
    """Return why RAVDESS has no such performance; empty where it has."""
    if ravdess.CHANNELS[channel] == "song" and emotion not in ravdess.SUNG:
        return f"song has no {emotion}"
    if emotion == "neutral" and ravdess.INTENSITIES[intensity] == "strong":
        return "there is no strong neutral"
    return ""
