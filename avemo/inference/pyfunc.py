"""The recogniser as MLflow loads it."""

import base64
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from ..errors import MediaError
from ..media.clip import Media
from .prediction import Prediction
from .recogniser import Recogniser

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
    one row a clip, see `Prediction.to_row`. A clip that cannot be used has a finding and no
    probabilities; the others are predicted.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Open the registered model."""
        self.recogniser = Recogniser(Path(context.artifacts[MODEL]))

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Return one row a clip."""
        return pd.DataFrame([self._predict(cell).to_row() for cell in model_input[MEDIA]])

    def _predict(self, cell: object) -> Prediction:
        try:
            media = _decode(cell)
        except MediaError as error:
            return Prediction.from_error(error, self.recogniser.classes)
        return self.recogniser.predict(media)


def _decode(cell: object) -> Media:
    """Return the media that a cell of the column stands for.

    Raises:
        MediaError: it is text that is not base64, or neither text, nor bytes, nor a path
    """
    if isinstance(cell, bytes | Path):
        return cell
    if not isinstance(cell, str):
        raise MediaError(
            "unreadable",
            f"media is given as {type(cell).__name__}: bytes, or text in base64, are expected",
        )
    try:
        return base64.b64decode("".join(cell.split()), validate=True)
    except ValueError:
        raise MediaError(
            "unreadable",
            "text is taken as a file's content in base64, and this is not base64: send the content",
        ) from None
