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
from ..settings import Catalogue
from .adapters import ravdess
from .checks import apply_checks
from .folder import list_recordings
from .manifest import select_usable

if TYPE_CHECKING:  # slow to import, and a worker that measures does without
    import pandas as pd

__all__ = ["build", "check"]

#: columns of a row, by name
Columns = dict[str, object]

#: a row before its file is read
_UNNAMED: Columns = {
    "recording": "",
    "performance": "",
    **dict.fromkeys(ravdess.Recording.__dataclass_fields__, 0),
    "emotion": "",
    "sex": "",
}
_UNMEASURED = asdict(
    Probe(duration_s=math.nan, has_picture=False, has_sound=False, has_audio_stream=False)
)


def build(raw: Path, settings: Catalogue) -> "pd.DataFrame":
    """Return one row for each recording under a folder, sorted by path.

    Columns: path (from the folder), bytes, sha256; recording, performance and the seven fields of
    the name with emotion as its label, sex; what `media.probe` measured; finding and reason, empty
    where nothing sets the recording aside; warnings.

    Findings that always set a recording aside: `name`, `unreadable`, `no-picture`, `no-sound`,
    `duplicate` (of a recording's name), `contradiction` (byte-identical, under names of two actors
    or emotions).
    `settings.findings` decides on the others: `silent`, `too-short`, `clipped`, `folder` (another
    actor's), `emotion` (none that the channel has), `identical` (to another of the same actor and
    emotion).
    """
    import pandas as pd

    files = list(list_recordings(raw))
    measure = partial(_measure, raw=raw, silence_dbfs=settings.silence_dbfs)
    rows = pd.DataFrame(engine.run(measure, files, title="catalogue"))
    return apply_checks(rows.sort_values("path", ignore_index=True), settings)


def check(catalogue: "pd.DataFrame", settings: Catalogue) -> None:
    """Refuse a catalogue of which too much is set aside.

    A second copy of a recording does no harm and does not count.

    Raises:
        CorpusError: nothing is usable, or more is set aside than `max_set_aside`
    """
    set_aside = catalogue[~catalogue["finding"].isin(["", "duplicate"])]
    share = len(set_aside) / len(catalogue)
    if select_usable(catalogue).empty or share > settings.max_set_aside:
        reasons = [f"{row.path} ({row.finding})" for row in set_aside.itertuples()]
        raise CorpusError(
            f"{len(set_aside)} of {len(catalogue)} recordings ({share:.1%}) cannot be used, more "
            f"than catalogue.max_set_aside ({settings.max_set_aside:.1%}): {join_names(reasons)}; "
            "mend or remove them, or raise the limit in params.yaml"
        )


def _measure(file: Path, *, raw: Path, silence_dbfs: float) -> Columns:
    row: Columns = {"path": file.relative_to(raw).as_posix(), "bytes": 0, "sha256": ""}
    row |= _UNNAMED | _UNMEASURED | {"finding": "", "reason": ""}
    try:
        row |= _read_content(file)
        recording = _parse(file.name)
        row |= asdict(recording)
        row |= {"recording": recording.id, "performance": recording.performance}
        row |= {"emotion": recording.label, "sex": recording.sex}
        measured = probe(file, silence_dbfs=silence_dbfs)
        row |= asdict(measured)
        if recording.modality != 3 and not measured.has_picture:
            raise MediaError("no-picture", "a video without a picture")
        if recording.modality == 3 and not measured.has_audio_stream:
            raise MediaError("no-sound", "a sound file without sound")
    except MediaError as error:
        row |= {"finding": error.finding, "reason": str(error)}
    return row


def _read_content(file: Path) -> Columns:
    try:
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
            return {"bytes": content.tell(), "sha256": digest}
    except OSError as error:
        message = f"{file.name} does not open: {error.strerror}"
        raise MediaError("unreadable", message) from None


def _parse(name: str) -> ravdess.Recording:
    try:
        return ravdess.parse(name)
    except ValueError as error:
        raise MediaError("name", str(error)) from None
