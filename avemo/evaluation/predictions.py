"""Predictions: a table with a row a performance, and the one schema that it is held to.

Columns: `performance`, `corpus`, `actor` (the speaker), `sex`, `fold`, `part`, `true` (the
emotion's name) and a column `p_CLASS` for each class, in the classes' order. Where the
performance's name says who speaks, a file may lack `corpus`, `actor`, `sex` and `part`.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..corpus.split import PARTS, SEXES
from ..errors import AvemoError, CorpusError
from ..tables import read_csv
from .metrics import classes_of, probabilities, probability_columns

if TYPE_CHECKING:
    import pandera.pandas as pa
    from numpy.typing import NDArray

    from ..datasets import Dataset
    from ..models.bundle import Bundle

__all__ = [
    "OPTIONAL_COLUMNS",
    "check_predictions",
    "predict",
    "predictions_frame",
    "read_predictions",
    "write_predictions",
]

#: files hold probabilities with nine digits, which tell any two float32 apart
_FORMAT = "%.9g"
_SUM_TOLERANCE = 1e-3
_TEXT = ("performance", "corpus", "actor", "sex", "part", "true")
#: the columns that a file may lack, where the performance's name says them
OPTIONAL_COLUMNS = ["corpus", "actor", "sex", "part"]


def predictions_frame(data: "Dataset", probabilities: "NDArray[np.floating]") -> pd.DataFrame:
    """Return predictions of some performances, as the schema has them.

    Args:
        data: the performances
        probabilities: [shape=(performances, classes)]
    """
    frame = data.rows[["performance", "corpus", "actor", "sex", "fold", "part"]].copy()
    frame["true"] = data.rows["emotion"]
    columns = probability_columns(data.classes)
    return frame.assign(**dict(zip(columns, probabilities.T, strict=True)))


def predict(bundle: "Bundle", data: "Dataset") -> pd.DataFrame:
    """Return a trained model's predictions of some performances, as the schema has them.

    Raises:
        CorpusError: the model tells other classes apart than the performances are of
    """
    if (classes := tuple(bundle.config.classes)) != data.classes:
        raise CorpusError(
            f"the trained {bundle.config.modality} model tells {', '.join(classes)} apart, and the "
            f"labels of params.yaml are {', '.join(data.classes)}: run `dvc repro`, which trains "
            "it anew"
        )
    return predictions_frame(data, bundle.probabilities(data.features))


def check_predictions(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return predictions of which every column and value is as the schema has it.

    Further columns stay.

    Raises:
        ValueError: in one line, the first column and value that are not
    """
    from pandera.errors import SchemaErrors

    try:
        return _schema(classes_of(predictions)).validate(predictions, lazy=True)
    except SchemaErrors as errors:
        case = errors.failure_cases.iloc[0]
        column, check, value = (str(case[name]) for name in ("column", "check", "failure_case"))
        raise ValueError(f"predictions, {column}: {value} fails {check}") from None


def read_predictions(file: Path) -> pd.DataFrame:
    """Read and check a CSV file of predictions.

    Raises:
        AvemoError: it is missing, or holds something else; the message names the file
    """
    if not file.exists():
        raise AvemoError(f"there is no {file}: run dvc repro to make it")
    try:
        return check_predictions(read_csv(file, text=_TEXT))
    except ValueError as error:
        raise AvemoError(f"{file}: {error}: run dvc repro to make it anew") from None


def write_predictions(file: Path, predictions: pd.DataFrame) -> None:
    """Check predictions and write them as a CSV file.

    Raises:
        ValueError: as `check_predictions`
    """
    check_predictions(predictions).to_csv(file, index=False, float_format=_FORMAT)


@cache
def _schema(classes: tuple[str, ...]) -> "pa.DataFrameSchema":
    import pandera.pandas as pa

    probability = pa.Column(float, pa.Check.in_range(0, 1), coerce=True)
    return pa.DataFrameSchema(
        {
            "performance": pa.Column(str, unique=True),
            "corpus": pa.Column(str, required=False),
            "actor": pa.Column(str, required=False),
            "sex": pa.Column(str, pa.Check.isin(SEXES), required=False),
            "fold": pa.Column(int),
            "part": pa.Column(str, pa.Check.isin(PARTS), required=False),
            "true": pa.Column(str, pa.Check.isin(classes)),
            **dict.fromkeys(probability_columns(classes), probability),
        },
        checks=pa.Check(_sum_to_one, name="the probabilities of a row sum to one"),
    )


def _sum_to_one(predictions: pd.DataFrame) -> "pd.Series[bool]":
    sums = pd.Series(probabilities(predictions).sum(axis=1), index=predictions.index)
    return sums.between(1 - _SUM_TOLERANCE, 1 + _SUM_TOLERANCE)
