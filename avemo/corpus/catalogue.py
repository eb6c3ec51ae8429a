"""From a folder to one row a recording: decoded, measured, checked.

A recording with a finding is set aside: it stays in the catalogue with its reason, and no later
stage uses it.
"""

import hashlib
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from .. import engine
from ..errors import CorpusError, MediaError, ten
from ..media.probe import probe
from ..settings import Catalogue
from . import ravdess
from .folder import recordings

__all__ = ["build", "check", "pictures", "sounds", "usable"]


def build(raw: Path, settings: Catalogue) -> pd.DataFrame:
    """One row for each recording under a folder.

    Columns: path (from the folder), bytes, sha256; recording, performance and the seven fields of
    the name with emotion as its label, sex; what `media.probe` measured; finding and reason, empty
    where nothing is wrong. Findings: `name`, `duplicate`, `unreadable`, `no-picture`, `no-sound`,
    `silent`, `too-short`.
    """
    files = list(recordings(raw))
    measure = partial(_row, raw=raw, settings=settings)
    rows = pd.DataFrame(engine.run(measure, files, title="catalogue"))
    fine = usable(rows)
    again = fine.index[fine.duplicated("recording")]
    rows.loc[again, "finding"] = "duplicate"
    rows.loc[again, "reason"] = "the corpus holds a recording of this name already"
    return rows.sort_values("path", ignore_index=True)


def usable(catalogue: pd.DataFrame) -> pd.DataFrame:
    """The rows that are not set aside."""
    return catalogue[catalogue["finding"].eq("")]


def check(catalogue: pd.DataFrame, settings: Catalogue) -> None:
    """Stop where too much is set aside.

    A second copy of a recording does no harm and does not count.

    Raises:
        CorpusError: nothing is usable, or more is set aside than `max_set_aside`
    """
    aside = catalogue[~catalogue["finding"].isin(["", "duplicate"])]
    share = len(aside) / len(catalogue)
    if usable(catalogue).empty or share > settings.max_set_aside:
        reasons = [f"{row.path} ({row.finding})" for row in aside.itertuples()]
        raise CorpusError(
            f"{len(aside)} of {len(catalogue)} recordings ({share:.1%}) cannot be used, more than "
            f"catalogue.max_set_aside ({settings.max_set_aside:.1%}): {ten(reasons)}; mend or "
            "remove them, or raise the limit in params.yaml"
        )


def sounds(catalogue: pd.DataFrame) -> pd.DataFrame:
    """The recording that each performance is heard in, one row a performance.

    Audio-only where there is one, else audio-video with sound (`modality` tells).
    """
    heard = usable(catalogue).query("has_sound and modality != 2")
    return heard.sort_values(["performance", "modality"], ascending=[True, False]).drop_duplicates(
        "performance"
    )


def pictures(catalogue: pd.DataFrame) -> pd.DataFrame:
    """The recording that each performance is seen in, audio-video before video-only."""
    seen = usable(catalogue).query("has_picture")
    return seen.sort_values(["performance", "modality"]).drop_duplicates("performance")


def _row(file: Path, *, raw: Path, settings: Catalogue) -> dict[str, Any]:
    content = file.read_bytes()
    row: dict[str, Any] = {
        "path": file.relative_to(raw).as_posix(),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "recording": "",
        "performance": "",
        **dict.fromkeys(ravdess.Recording.__dataclass_fields__, 0),
        "emotion": "",
        "sex": "",
        "finding": "",
        "reason": "",
    }
    try:
        named = _named(file.name)
        row |= asdict(named)
        row |= {"recording": named.id, "performance": named.performance}
        row |= {"emotion": named.label, "sex": named.sex}
        measured = probe(content, silence_dbfs=settings.silence_dbfs)
        row |= asdict(measured)
        if named.modality != 3 and not measured.has_picture:
            raise MediaError("no-picture", "a video without a picture")
        if named.modality == 3 and not measured.has_audio_stream:
            raise MediaError("no-sound", "a sound file without sound")
        if measured.duration_s < settings.min_duration_s:
            limit = f"at least {settings.min_duration_s} s (catalogue.min_duration_s) are expected"
            raise MediaError("too-short", f"{measured.duration_s:.2f} s; {limit}")
        if named.modality == 3 and not measured.has_sound:
            limit = f"{settings.silence_dbfs} dBFS (catalogue.silence_dbfs)"
            raise MediaError("silent", f"the sound's peak stays below {limit}")
    except MediaError as error:
        row |= {"finding": error.finding, "reason": str(error)}
    return row


def _named(name: str) -> ravdess.Recording:
    try:
        return ravdess.parse(name)
    except ValueError as error:
        raise MediaError("name", str(error)) from None
