"""How good a set of predictions is, and how sure that is.

A table of predictions has a row a performance: `performance`, `actor`, `fold`, `part`, `true` (the
emotion's name) and a column `p_CLASS` for each class, in the classes' order.

A class that no performance truly has counts in no mean: it has no recall.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..errors import join_names
from .bootstrap import Bootstrap, Interval

if TYPE_CHECKING:
    Names = Sequence[str] | np.ndarray | pd.Series[str]

__all__ = [
    "accuracy",
    "calibration_error",
    "chance_level",
    "class_codes",
    "classes_of",
    "classification_report",
    "confusion_matrix",
    "figures_of_draws",
    "intervals",
    "log_loss",
    "macro_f1",
    "predicted",
    "probabilities",
    "probability_columns",
    "ratio",
    "recalls",
    "require_columns",
    "sums_by_actor",
    "uar",
    "uar_of",
]

#: before a class's name: the column of its probability
_PREFIX = "p_"
_BINS = 15
#: a probability of zero costs the logarithm of this, not infinity
_SMALLEST = 1e-15


def probability_columns(classes: Iterable[str]) -> list[str]:
    """Return the names of the columns that hold the classes' probabilities."""
    return [_PREFIX + name for name in classes]


def classes_of(predictions: pd.DataFrame) -> tuple[str, ...]:
    """Return the classes of a table of predictions, in the order of their columns.

    Raises:
        ValueError: there are fewer than two
    """
    names = map(str, predictions.columns)
    classes = tuple(name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX))
    if len(classes) < 2:
        raise ValueError(
            f"predictions have {len(classes)} columns {_PREFIX}CLASS: a column a class, of two or "
            "more, is expected"
        )
    return classes


def probabilities(predictions: pd.DataFrame) -> np.ndarray:
    """Return the probability columns: float64 [shape=(performances, classes)].

    Raises:
        ValueError: there are fewer than two, or a value is no number
    """
    values = predictions[probability_columns(classes_of(predictions))].to_numpy(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("predictions hold probabilities that are no number: see what made them")
    return values


def require_columns(predictions: pd.DataFrame, *columns: str) -> None:
    """Refuse predictions without rows, or without one of the columns.

    Raises:
        ValueError: they lack it
    """
    missing = [name for name in columns if name not in predictions]
    if missing or predictions.empty:
        raise ValueError(
            f"predictions lack {', '.join(missing) or 'rows'}: a row a performance is expected"
        )


def predicted(predictions: pd.DataFrame) -> np.ndarray:
    """Return the most probable class's name of each row."""
    classes = np.array(classes_of(predictions))
    return np.asarray(classes[probabilities(predictions).argmax(axis=1)])


def confusion_matrix(true: "Names", predicted: "Names", classes: Sequence[str]) -> np.ndarray:
    """Count how often each class is taken for each.

    Args:
        true: class names [shape=(n,)]
        predicted: class names [shape=(n,)]
        classes: all names, in the order of the rows and columns

    Returns:
        int64 [shape=(true classes, predicted classes)]

    Raises:
        ValueError: there is nothing to count, the lengths differ, or a name is none of the classes
    """
    rows, columns = class_codes(true, classes), class_codes(predicted, classes)
    if len(rows) != len(columns) or not len(rows):
        raise ValueError(
            f"{len(rows)} true and {len(columns)} predicted classes:"
            " equally many, and at least one, are expected"
        )
    counts = np.bincount(rows * len(classes) + columns, minlength=len(classes) ** 2)
    return counts.reshape(len(classes), len(classes))


def uar_of(predictions: pd.DataFrame) -> float:
    """Return the unweighted average recall of a table of predictions."""
    return uar(predictions["true"], predicted(predictions), classes_of(predictions))


def uar(true: "Names", predicted: "Names", classes: Sequence[str]) -> float:
    """Return the unweighted average recall: the mean recall of the classes in `true`."""
    return float(_uar(confusion_matrix(true, predicted, classes)))


def accuracy(true: "Names", predicted: "Names", classes: Sequence[str]) -> float:
    """Return the share of right answers."""
    return float(_accuracy(confusion_matrix(true, predicted, classes)))


def macro_f1(true: "Names", predicted: "Names", classes: Sequence[str]) -> float:
    """Return the mean F1 of the classes present in `true`."""
    return float(_macro_f1(confusion_matrix(true, predicted, classes)))


def recalls(true: "Names", predicted: "Names", classes: Sequence[str]) -> dict[str, float]:
    """Return the recall of each class present in `true`."""
    values = _recalls(confusion_matrix(true, predicted, classes))
    pairs = zip(classes, values, strict=True)
    return {name: float(value) for name, value in pairs if not np.isnan(value)}


def chance_level(true: "Names") -> float:
    """Return the UAR of guessing: one over the number of classes present in `true`."""
    return 1 / len(np.unique(np.asarray(true)))


def calibration_error(true: "Names", probabilities: np.ndarray, classes: Sequence[str]) -> float:
    """Return the expected calibration error: how far confidence and accuracy differ, on average.

    Confidence is the highest probability of a row; rows are put in 15 bins of equal width.

    Args:
        true: class names [shape=(n,)]
        probabilities: [shape=(n, classes)]
        classes: all names, in the order of the columns

    Source:
        C. Guo et al.: On calibration of modern neural networks. ICML 2017
    """
    return float(_calibration_error(_gaps(class_codes(true, classes), probabilities).sum(axis=0)))


def log_loss(true: "Names", probabilities: np.ndarray, classes: Sequence[str]) -> float:
    """Return the mean negative natural logarithm of the true class's probability.

    Args:
        true: class names [shape=(n,)]
        probabilities: [shape=(n, classes)]
        classes: all names, in the order of the columns
    """
    return float(_losses(class_codes(true, classes), probabilities).mean())


def intervals(predictions: pd.DataFrame, bootstrap: Bootstrap) -> dict[str, Interval]:
    """Return every figure with the interval that it varies in if other actors had been recorded.

    Args:
        predictions: a row a performance, in any order
        bootstrap: how the intervals are made

    Returns:
        `uar`, `accuracy`, `macro_f1`, `calibration_error`, `log_loss`, and `recall_CLASS` for
        each class present. Fewer than two actors cannot be drawn from: `low` and `high` are None

    Raises:
        ValueError: there are no rows, a column is missing, or a true class has no column
    """
    require_columns(predictions, "performance", "actor", "true")
    sums, classes = sums_by_actor(predictions), classes_of(predictions)
    return bootstrap.intervals(
        lambda draws: figures_of_draws(sums, draws, classes),
        actors=len(sums["n"]),
        performances=predictions["performance"].nunique(),
    )


def classification_report(predictions: pd.DataFrame) -> str:
    """Return scikit-learn's table: precision, recall, F1 and count of each class present."""
    from sklearn.metrics import classification_report as report

    present = [name for name in classes_of(predictions) if (predictions["true"] == name).any()]
    return str(
        report(
            predictions["true"], predicted(predictions), labels=present, digits=3, zero_division=0
        )
    )


# The figures of one confusion matrix [shape=(classes, classes)], or of many at once [shape=(...,
# classes, classes)].


def _recalls(confusion: np.ndarray) -> np.ndarray:
    """Return the recalls [shape=(..., classes)]; NaN for an absent class."""
    return ratio(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(axis=-1))


def _uar(confusion: np.ndarray) -> np.ndarray:
    return np.asarray(np.nanmean(_recalls(confusion), axis=-1))


def _accuracy(confusion: np.ndarray) -> np.ndarray:
    return np.asarray(np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum(axis=(-2, -1)))


def _macro_f1(confusion: np.ndarray) -> np.ndarray:
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    true, guessed = confusion.sum(axis=-1), confusion.sum(axis=-2)
    f1 = np.where(true > 0, ratio(2 * right, true + guessed), np.nan)
    return np.asarray(np.nanmean(f1, axis=-1))


def _calibration_error(gaps: np.ndarray) -> np.ndarray:
    """Return the error from sums over rows of `_gaps` [shape=(..., bins, 2)]."""
    count, gap = gaps[..., 0], gaps[..., 1]
    return np.asarray(np.abs(gap).sum(axis=-1) / count.sum(axis=-1))


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Return the ratio; NaN where the denominator is zero."""
    absent = np.full(denominator.shape, np.nan)
    return np.asarray(np.divide(numerator, denominator, out=absent, where=denominator > 0))


# What the rows add to a figure, so that a draw of actors is a sum over actors.


def _gaps(true: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return a count of one, and confidence minus correctness, in each row's bin.

    [shape=(n, bins, 2)]
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == true
    bins = np.clip(np.ceil(confidence * _BINS).astype(int) - 1, 0, _BINS - 1)
    gaps = np.zeros((len(true), _BINS, 2))
    gaps[np.arange(len(true)), bins] = np.stack([np.ones(len(true)), confidence - correct], axis=1)
    return gaps


def _losses(true: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    likelihoods = probabilities[np.arange(len(true)), true].astype(np.float64)
    return np.asarray(-np.log(np.clip(likelihoods, _SMALLEST, 1)))


def sums_by_actor(predictions: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return sums over each actor's rows: `n`, `confusion`, `gaps`, `loss` [shape=(actors, ...)].

    Actors are in the order of their numbers.
    """
    classes = classes_of(predictions)
    true = class_codes(predictions["true"], classes)
    values = probabilities(predictions)
    confusion = np.zeros((len(true), len(classes), len(classes)))
    confusion[np.arange(len(true)), true, values.argmax(axis=1)] = 1
    rows = {
        "n": np.ones(len(true)),
        "confusion": confusion,
        "gaps": _gaps(true, values),
        "loss": _losses(true, values),
    }
    codes, names = pd.factorize(predictions["actor"], sort=True)
    belongs = (codes == np.arange(len(names))[:, None]).astype(np.float64)
    return {name: _sum_draws(belongs, row) for name, row in rows.items()}


def _sum_draws(draws: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Return the sums [shape=(n, ...)] of what each draw holds [shape=(draws, n)]."""
    return np.asarray(np.tensordot(draws, sums, axes=1))


def figures_of_draws(
    sums: dict[str, np.ndarray], draws: np.ndarray, classes: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return each figure of every draw [shape=(draws,)]; NaN is the recall of an absent class.

    Args:
        sums: as `sums_by_actor` returns them
        draws: how often each draw holds each actor [shape=(draws, actors)]
        classes: of the predictions that the sums are of
    """
    drawn = {name: _sum_draws(draws, values) for name, values in sums.items()}
    confusion = drawn["confusion"]
    recalls = _recalls(confusion)
    return {
        "uar": _uar(confusion),
        "accuracy": _accuracy(confusion),
        "macro_f1": _macro_f1(confusion),
        "calibration_error": _calibration_error(drawn["gaps"]),
        "log_loss": drawn["loss"] / drawn["n"],
        **{f"recall_{name}": recalls[..., i] for i, name in enumerate(classes)},
    }


def class_codes(names: "Names", classes: Sequence[str]) -> np.ndarray:
    """Return each name's place among the classes: int64 [shape=(n,)].

    Raises:
        ValueError: a name is none of the classes
    """
    places = {name: place for place, name in enumerate(classes)}
    unknown = sorted({str(name) for name in names if name not in places})
    if unknown:
        raise ValueError(f"{join_names(unknown)} is none of the classes {', '.join(classes)}")
    return np.array([places[name] for name in names], dtype=np.int64)
