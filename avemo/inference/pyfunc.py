"""The recogniser as MLflow loads it."""

import base64
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from ..emotions import EMOTIONS
from ..errors import MediaError
from .recogniser import Answer, Media, Recogniser

__all__ = ["MEDIA", "MODEL", "Model"]

#: the input's one column: a file's content
MEDIA = "media"
#: the artifact that holds the recogniser's folder
MODEL = "model"


class Model(PythonModel):
    """Media in, probabilities out.

    In: a data frame with the column `media`: a file's content as bytes, or as text in base64, which
    is how JSON brings it. A caller in the same process may give a `pathlib.Path` too: no
    request to a server can make one, so that a server never opens a file that a client names. Out:
    a row a clip, with emotion, probability, p_neutral to p_surprised, finding and reason. A clip
    that cannot be answered for has a finding and no probabilities; the others are answered.
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
            answer = self._answer(media)
            chances = answer.probabilities
            row: dict[str, Any] = {
                "emotion": answer.emotion,
                "probability": chances.get(answer.emotion, float("nan")),
            }
            row |= {f"p_{name}": chances.get(name, float("nan")) for name in EMOTIONS}
            rows.append(row | {"finding": answer.finding, "reason": answer.reason})
        return pd.DataFrame(rows)

    def _answer(self, value: object) -> Answer:
        try:
            media = _media(value)
        except MediaError as error:
            return Answer({}, error.finding, str(error))
        return self.recogniser.answer(media)


def _media(value: object) -> Media:
    """Return the media that a cell of the column stands for.

    Raises:
        MediaError: it is text that is not base64, or neither text, nor bytes, nor a path
    """
    if isinstance(value, bytes | Path):
        return value
    if not isinstance(value, str):
        raise MediaError(
            "unreadable",
            f"media is given as {type(value).__name__}: bytes, or text in base64, are expected",
        )
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except ValueError:
        raise MediaError(
            "unreadable",
            "text is taken as a file's content in base64, and this is not base64: send the content",
        ) from None
