"""The prediction for each of many clips."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...errors import AvemoError
from ...inference.prediction import Prediction
from ...registry.pinned import Answering, PinnedVersions, VersionId
from .task import Item

__all__ = ["UNSETTLED", "BatchRow", "PredictClips"]

log = logging.getLogger(__name__)

#: findings that another attempt may not have: the clip was written to, or the code failed
UNSETTLED = ("changed", "failed")


@dataclass(frozen=True)
class BatchRow:
    """What is predicted for a clip, and by which version.

    Args:
        prediction: or the finding that speaks against one
        version: that predicted; an empty one where none could
    """

    prediction: Prediction
    version: VersionId


class PredictClips:
    """What `run_task` calls for each clip, in this process or in another.

    Args:
        versions: that answer
    """

    title = "predictions"

    def __init__(self, versions: PinnedVersions) -> None:
        self._versions = versions

    @cached_property
    def _answering(self) -> Answering:
        return self._versions.load()

    def __call__(self, item: Item) -> BatchRow:
        """Return the row of a clip.

        Raises:
            AvemoError: no model is registered, or it cannot be loaded or run
        """
        try:
            prediction = self._answering.predict(item.path)
        except AvemoError:
            raise
        except Exception as error:  # of a library, for this clip
            log.exception("avemo: %s", item.clip.file)
            prediction = Prediction(finding="failed", reason=f"{type(error).__name__}: {error}")
        if not all(map(math.isfinite, prediction.probabilities.values())):
            reason = f"{prediction.model} answered with what is no number"
            prediction = Prediction(finding="failed", reason=reason, model=prediction.model)
        if item.has_changed():
            reason = "the file was written to while it was read: run the command again"
            prediction = Prediction(finding="changed", reason=reason)
        version = self._versions.identities.get(prediction.model, VersionId())
        return BatchRow(prediction, version)

    def key(self, item: Item) -> str:
        """Return the checksum of the clip's content and of the versions that may answer."""
        text = f"prediction {item.sha256} {self._versions.key}"
        return hashlib.sha256(text.encode()).hexdigest()

    def is_final(self, result: BatchRow) -> bool:
        """Return whether the content itself explains the result."""
        return result.prediction.finding not in UNSETTLED

    def is_there(self, item: Item, result: BatchRow) -> bool:
        """Return True: a row is all there is."""
        return True

    def to_fields(self, result: BatchRow) -> Mapping[str, Any]:
        """Return a row as JSON holds it."""
        return {"prediction": vars(result.prediction), "version": vars(result.version)}

    def from_fields(self, fields: Mapping[str, Any]) -> BatchRow:
        """Return the row that JSON holds."""
        own = fields["prediction"]
        prediction = Prediction(**own | {"emotions": tuple(own["emotions"])})
        return BatchRow(prediction, VersionId(**fields["version"]))
