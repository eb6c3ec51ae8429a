"""Clips of a request that say how a person speaks."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..errors import MediaError
from ..inference.adaptation import SpeakerStatistics
from ..inference.prediction import Prediction
from .service import Service
from .uploads import Upload
from .versions.current import ServedVersion

__all__ = ["MeasuredUpload", "measure"]


@dataclass(frozen=True)
class MeasuredUpload:
    """What a clip says of its speaker.

    Args:
        sha256: of its content
        statistics: None where it cannot be used
        prediction: adapted to what was known before; it has the finding of a clip that cannot be
            used
    """

    sha256: str
    statistics: SpeakerStatistics | None
    prediction: Prediction


async def measure(
    service: Service,
    served: ServedVersion,
    upload: Upload,
    hang_up: asyncio.Future[None],
    *,
    known: SpeakerStatistics | None,
    neutral: bool,
) -> MeasuredUpload:
    """Return what an uploaded clip says of its speaker.

    Args:
        service: computes it
        served: the version that measures
        upload: the clip
        hang_up: is done when the client has hung up
        known: of the speaker; a clip that is far from it is another person's
        neutral: the person speaks neutrally

    Raises:
        Refusal: the version fails, or the client has hung up
    """
    path, size = upload.file.path, upload.file.size
    sha256 = await asyncio.to_thread(_checksum, path)
    answer = await service.answer(served, path, size, hang_up, known)
    if answer.prediction.finding:
        return MeasuredUpload(sha256, None, answer.prediction)
    try:
        statistics = await service.enrol(served, path, size, hang_up, neutral=neutral)
    except MediaError as error:
        model, synthetic = served.description.label, served.description.synthetic
        prediction = Prediction(
            finding=error.finding, reason=str(error), model=model, synthetic=synthetic
        )
        return MeasuredUpload(sha256, None, prediction)
    return MeasuredUpload(sha256, statistics, answer.prediction)


def _checksum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
