"""The recogniser as MLflow loads it."""

import base64
import binascii
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from ..corpus.ravdess import EMOTIONS
from .recogniser import Media, Recogniser

__all__ = ["MEDIA", "MODEL", "Model"]

#: the input's one column: a file's path or its content
MEDIA = "media"
#: the artifact that holds the recogniser's folder
MODEL = "model"

_LONGER_THAN_PATHS = 4096


class Model(PythonModel):
    """Media in (path or bytes), probabilities out.

    In: a data frame with the column `media`; JSON brings a file's content as base64. Out: a row a
    clip, with emotion, probability, p_neutral to p_surprised, finding and reason. A clip that
    cannot be answered for has a finding and no probabilities; the others are answered.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Open what was registered."""
        self.recogniser = Recogniser(Path(context.artifacts[MODEL]))

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Answer for each clip."""
        rows = []
        for media in model_input[MEDIA]:
            answer = self.recogniser.answer(_plain(media))
            chances = answer.probabilities
            row: dict[str, Any] = {
                "emotion": answer.emotion,
                "probability": chances.get(answer.emotion, float("nan")),
            }
            row |= {f"p_{name}": chances.get(name, float("nan")) for name in EMOTIONS}
            rows.append(row | {"finding": answer.finding, "reason": answer.reason})
        return pd.DataFrame(rows)


def _plain(media: Media) -> Media:
    """Bytes for what is base64 and too long for a path."""
    if not isinstance(media, str) or len(media) < _LONGER_THAN_PATHS:
        return media
    try:
        return base64.b64decode(media)
    except binascii.Error:
        return media
