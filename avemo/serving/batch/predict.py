"""The prediction for each of many clips."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Self

from ...errors import AvemoError
from ...inference.evidence import Evidence
from ...inference.prediction import Prediction
from ...registry.pinned import PinnedVersions, VersionId
from ...registry.speaker import NO_ADAPTATION, OTHER_SPACE, Speaker
from .task import Item, log_failure

__all__ = ["UNSETTLED", "BatchRow", "PredictClips"]

#: findings that another attempt may not have: the clip was written to, the code failed, or the
#: speaker must be enrolled again
UNSETTLED = ("changed", "failed", OTHER_SPACE, NO_ADAPTATION)


@dataclass(frozen=True)
class BatchRow:
    """What is predicted for a clip, and by which version.

    Args:
        prediction: or the finding that speaks against one
        version: that predicted; an empty one where none could
    """

    prediction: Prediction
    version: VersionId

    def to_fields(self) -> Mapping[str, object]:
        """Return the row as JSON holds it."""
        return asdict(self)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Return what `to_fields` was called on."""
        own = fields["prediction"]
        names = {key: tuple(own[key]) for key in ("emotions", "classes")}
        prediction = Prediction(**own | names | {"evidence": Evidence(**own["evidence"])})
        return cls(prediction, VersionId(**fields["version"]))


class PredictClips:
    """What `run_task` calls for each clip, in this process or in another.

    Args:
        versions: that answer
        speakers: by name, the people whom the predictions for their clips are adapted to
    """

    title = "predictions"

    def __init__(
        self, versions: PinnedVersions, speakers: Mapping[str, Speaker] = MappingProxyType({})
    ) -> None:
        self._versions = versions
        self._speakers = dict(speakers)

    def __call__(self, item: Item) -> BatchRow:
        """Return the row of a clip.

        Raises:
            AvemoError: no model is registered, or it cannot be loaded or run
        """
        try:
            speaker = self._speakers.get(item.clip.speaker)
            prediction = self._versions.answering.predict(item.path, speaker=speaker)
        except AvemoError:
            raise
        except Exception as error:  # of a library, for this clip
            prediction = Prediction(finding="failed", reason=log_failure(item, error))
        if not all(map(math.isfinite, prediction.probabilities.values())):
            reason = f"{prediction.model} answered with what is no number"
            prediction = Prediction(finding="failed", reason=reason, model=prediction.model)
        if item.has_changed():
            reason = "the file was written to while it was read: run the command again"
            prediction = Prediction(finding="changed", reason=reason)
        if not prediction.classes:  # no version was asked: the row has the columns of the others
            prediction = replace(prediction, classes=self._versions.classes)
        version = self._versions.identities.get(prediction.model, VersionId())
        return BatchRow(prediction, version)

    def key(self, item: Item) -> str:
        """Return the checksum of the clip's content, the versions that may answer, the speaker."""
        text = f"prediction {item.sha256} {self._versions.key}"
        if speaker := self._speakers.get(item.clip.speaker):
            text += f" {speaker.key}"
        return hashlib.sha256(text.encode()).hexdigest()

    def is_final(self, result: BatchRow) -> bool:
        """Return whether the content itself explains the result."""
        return result.prediction.finding not in UNSETTLED

    def is_there(self, item: Item, result: BatchRow) -> bool:
        """Return True: a row is all there is."""
        return True

    def to_fields(self, result: BatchRow) -> Mapping[str, object]:
        """Return a row as JSON holds it."""
        return result.to_fields()

    def from_fields(self, fields: Mapping[str, Any]) -> BatchRow:
        """Return the row that JSON holds."""
        return BatchRow.from_fields(fields)
