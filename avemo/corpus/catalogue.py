"""The catalogue: one row for each recording of a folder, decoded, measured, checked.

A recording with a finding is set aside: it stays in the catalogue with its reason, and no later
stage uses it.
"""

import hashlib
import math
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .. import engine
from ..errors import CorpusError, MediaError, join_names
from ..media.probe import Probe, probe
from ..settings import Catalogue, Labels
from .adapters import ravdess
from .checks import apply_checks
from .identity import list_identities
from .selection import select_usable

if TYPE_CHECKING:  # slow to import, and a worker that measures does without
    import pandas as pd

__all__ = ["build", "check"]

#: columns of a row, by name
Columns = dict[str, object]

#: codes of `modality`
_AUDIO_VIDEO, _VIDEO_ONLY, _AUDIO_ONLY = 1, 2, 3

_UNMEASURED = asdict(
    Probe(duration_s=math.nan, has_picture=False, has_sound=False, has_audio_stream=False)
)


def build(raw: Path, settings: Catalogue, labels: Labels) -> "pd.DataFrame":
    """Return one row for each recording under a folder, sorted by path.

    Columns: path (from the folder), bytes, sha256; who speaks and with what emotion, see
    `identity.list_identities`; what `media.probe` measured; modality (1: audio-video, 2:
    video-only, 3: audio-only; what RAVDESS's name says, else what was measured); finding and
    reason, empty where nothing sets the recording aside; warnings.

    Findings that always set a recording aside: `name`, `missing`, `left-out`, `unreadable`,
    `beyond-end`, `no-picture`, `no-sound`, `duplicate` (of a recording's name), `contradiction`
    (byte-identical, of two speakers or emotions).
    `settings.findings` decides on the others: `silent`, `too-short`, `clipped`, `trailing` (bytes
    that a WAV file's header does not state), `folder` (another actor's), `emotion` (none that the
    channel has), `identical` (to another of the same speaker and emotion).

    Raises:
        CorpusError: an emotion is no class, and `labels` does not say what it counts as
    """
    import pandas as pd

    rows = list_identities(raw, labels)
    measure = partial(_measure, raw=raw, silence_dbfs=settings.silence_dbfs)
    items = list(zip(rows["path"], rows["modality"], rows["finding"].eq(""), strict=True))
    measured = pd.DataFrame(engine.run(measure, items, title="catalogue"), index=rows.index)
    is_known = rows["finding"].ne("")
    for column in ("finding", "reason"):
        rows[column] = rows[column].where(is_known, measured.pop(column))
    rows = rows.join(measured)
    if rows["corpus"].ne(ravdess.NAME).any():
        rows["modality"] = rows["modality"].where(
            rows["corpus"].eq(ravdess.NAME), _measured_modality(rows)
        )
    return apply_checks(rows, settings)


def _measured_modality(rows: "pd.DataFrame") -> "pd.Series[int]":
    """Return each recording's modality by its streams; 0 where it was not measured."""
    picture, sound = rows["has_picture"].astype(int), rows["has_audio_stream"].astype(int)
    return (picture + 2 * sound).map({0: 0, 1: _VIDEO_ONLY, 2: _AUDIO_ONLY, 3: _AUDIO_VIDEO})


def check(catalogue: "pd.DataFrame", settings: Catalogue) -> None:
    """Refuse a catalogue of which too much is set aside.

    A second copy of a recording does no harm and does not count, nor does an emotion that
    `labels` leaves out.

    Raises:
        CorpusError: nothing is usable, or more is set aside than `max_set_aside`
    """
    wanted = catalogue[catalogue["finding"].ne("left-out")]
    set_aside = wanted[~wanted["finding"].isin(["", "duplicate"])]
    share = len(set_aside) / max(1, len(wanted))
    if select_usable(catalogue).empty or share > settings.max_set_aside:
        reasons = [f"{row.path} ({row.finding})" for row in set_aside.itertuples()]
        raise CorpusError(
            f"{len(set_aside)} of {len(wanted)} recordings ({share:.1%}) cannot be used, more "
            f"than catalogue.max_set_aside ({settings.max_set_aside:.1%}): {join_names(reasons)}; "
            "mend or remove them, or raise the limit in params.yaml"
        )


def _measure(item: tuple[str, int, bool], *, raw: Path, silence_dbfs: float) -> Columns:
    """Return a file's content and measures.

    Args:
        item: its path from `raw`; its modality where its name says it, else 0; whether it is
            decoded, or only its content is read
        raw: folder of the recordings
        silence_dbfs: as `probe` takes it
    """
    path, modality, decoded = item
    file = raw / path
    row: Columns = {"bytes": 0, "sha256": "", "finding": "", "reason": ""} | _UNMEASURED
    try:
        row |= _read_content(file)
        if decoded:
            measured = probe(file, silence_dbfs=silence_dbfs)
            row |= asdict(measured)
            _require_streams(modality, measured)
    except MediaError as error:
        row |= {"finding": error.finding, "reason": str(error)}
    return row


def _require_streams(modality: int, measured: Probe) -> None:
    """Refuse a file that lacks the stream that its name says it has."""
    if modality in (_AUDIO_VIDEO, _VIDEO_ONLY) and not measured.has_picture:
        raise MediaError("no-picture", "a video without a picture")
    if modality == _AUDIO_ONLY and not measured.has_audio_stream:
        raise MediaError("no-sound", "a sound file without sound")


def _read_content(file: Path) -> Columns:
    try:
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
            return {"bytes": content.tell(), "sha256": digest}
    except OSError as error:
        message = f"{file.name} does not open: {error.strerror}"
        raise MediaError("unreadable", message) from None
