"""The recogniser as MLflow loads it."""

from functools import cached_property
from pathlib import Path

import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from ..errors import MediaError
from .media_cell import read_media
from .prediction import Cell, Prediction
from .recogniser import Recogniser

__all__ = ["MEDIA", "MODEL", "Model"]

#: the input's one column: a file's content
MEDIA = "media"
#: the artifact that holds the recogniser's folder
MODEL = "model"


class Model(PythonModel):
    """Media in, probabilities out.

    In: a data frame with the column `media`: a file's content as bytes, or as text in base64, which
    is how JSON brings it; see `media_cell.read_media`. A caller in the same process may give a
    `pathlib.Path` too: no request to a server can make one, so that a server never opens a file
    that a client names. Out: one row a clip, see `Prediction.to_row`. A clip that cannot be used
    has a finding and no probabilities; the others are predicted.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Open the registered model."""
        self.recogniser = Recogniser(Path(context.artifacts[MODEL]))

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, object] | None = None,
    ) -> pd.DataFrame:
        """Return one row a clip, with the index of the input, so that both can be joined."""
        rows = [self._predict(cell).to_row() for cell in model_input[MEDIA]]
        return Predictions(rows, columns=[*self._empty_row], index=model_input.index)

    @cached_property
    def _empty_row(self) -> dict[str, Cell]:
        """The columns, which a table without rows has, too."""
        return Prediction(finding="none", classes=self.recogniser.classes).to_row()

    def _predict(self, cell: object) -> Prediction:
        try:
            return self.recogniser.predict(read_media(cell))
        except MediaError as error:
            return Prediction.from_error(error, self.recogniser.classes)


class Predictions(pd.DataFrame):
    """A data frame whose missing numbers are None where it becomes a dictionary.

    MLflow's server makes JSON of it that way, and JSON has no NaN.
    """

    def to_dict(self, *args: object, **options: object) -> object:  # type: ignore[override]
        """Return a dictionary, see `pandas.DataFrame.to_dict`."""
        plain = pd.DataFrame(self).astype(object)
        return plain.where(plain.notna(), None).to_dict(*args, **options)  # type: ignore[call-overload]
