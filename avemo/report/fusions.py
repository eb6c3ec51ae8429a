"""Sound and picture, each alone and joined in every way, on the same performances."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..corpus.adapters.ravdess import EMOTIONS
from ..errors import AvemoError, join_names
from ..evaluation import metrics, paired
from ..evaluation.bootstrap import Bootstrap
from ..evaluation.predictions import read_predictions
from ..io import atomic_write
from ..modalities import MODALITIES, UNIMODAL, Modality
from ..page import code
from ..paths import Project
from ..records import EvaluationResult, SearchResult
from ..settings import Settings
from .published import check_predictions

__all__ = ["FILE", "FusionTable", "import_fusions", "read", "tables"]

#: in a checkout
FILE = Path("results", "fused", "compared.csv")

_INNER, _TEST = "inner folds", "test part"
_DESCRIPTIONS = {
    "audio": "the audio model",
    "visual": "the visual model",
    "late": "logistic regression on what the two models answer",
    "attention": "sound and faces attend to each other",
    "modules": "the two networks joined and trained anew",
    "fused": "the fused model",
    "fused_audio": "the fused model, from sound alone",
    "fused_visual": "the fused model, from picture alone",
}
_COLUMNS = [
    *("corpus", "run", "part", "system"),
    *("performance", "fold", "true", *metrics.probability_columns(EMOTIONS)),
]


@dataclass(frozen=True)
class FusionTable:
    """Every system on one part of the performances.

    Args:
        part: `inner folds` or `test part`
        run_id: of the search or the training in MLflow
        rows: the systems with their figures
    """

    part: str
    synthetic: bool
    performances: int
    run_id: str
    rows: list[tuple[str, ...]]


def import_fusions(project: Project, settings: Settings) -> str:
    """Publish the predictions of the last search for a fusion and of the last evaluation.

    Those of the synthetic sample do not take the place of those of real recordings.

    Returns:
        what was imported, or not and why
    """
    from ..training.stacking import COMPARISON

    folder = project.search("fused")
    place = folder.relative_to(project.root).as_posix()
    if not (folder / COMPARISON).exists() or not project.evaluation_result.exists():
        return f"{place}: not imported, because no fusion was searched and evaluated here"
    before = read(project.root)
    if settings.corpus.synthetic and before is not None and not _is_synthetic(before):
        return (
            f"{place}: not imported, because it is of the synthetic sample, and what is published "
            "is not"
        )
    run_id = SearchResult.read(project.search_result("fused")).run_id
    tables = [pd.read_csv(folder / COMPARISON).assign(run=run_id, part=_INNER)]
    evaluation = EvaluationResult.read(project.evaluation_result)
    if evaluation.modalities["fused"].test:
        tables += _test_predictions(project, evaluation)
    rows = pd.concat(tables, ignore_index=True).assign(corpus=settings.corpus.label)
    rows = _check(rows)
    with atomic_write(project.root / FILE) as beside:
        rows.to_csv(beside, index=False, float_format="%.6f")
    return f"{place}: imported, {rows['performance'].nunique():,} performances"


def _test_predictions(project: Project, evaluation: EvaluationResult) -> Iterator[pd.DataFrame]:
    """Return each model's predictions, on the performances of the fused one."""
    fused = read_predictions(project.evaluation / "fused.csv")
    systems: dict[str, Modality] = {
        **{modality: modality for modality in MODALITIES},
        **{f"fused_{modality}": "fused" for modality in UNIMODAL},
    }
    for name, modality in systems.items():
        rows = read_predictions(project.evaluation / f"{name}.csv")
        run_id = evaluation.modalities[modality].run_id
        yield paired.align(rows, fused)[0].assign(system=name, run=run_id, part=_TEST)


def read(root: Path) -> pd.DataFrame | None:
    """Return the published predictions; None where there are none.

    Args:
        root: of the checkout

    Raises:
        AvemoError: the file is damaged
    """
    if not (root / FILE).exists():
        return None
    try:
        return _check(pd.read_csv(root / FILE, dtype={"performance": str, "true": str}))
    except ValueError as error:
        raise AvemoError(f"{FILE}: {error}; bring it back (git checkout -- {FILE})") from None


def tables(predictions: pd.DataFrame, bootstrap: Bootstrap) -> list[FusionTable]:
    """Return a table of the inner folds, and one of the test part."""
    synthetic = _is_synthetic(predictions)
    fusions = []
    for part, rows in predictions.groupby("part", sort=False):
        (run_id,) = rows.loc[rows["system"].isin(["late", "fused"]), "run"].unique()
        performances = rows["performance"].nunique()
        lines = list(_rows(rows, bootstrap))
        fusions.append(FusionTable(str(part), synthetic, performances, run_id, lines))
    return fusions


def _rows(predictions: pd.DataFrame, bootstrap: Bootstrap) -> Iterator[tuple[str, ...]]:
    systems = {
        str(name): check_predictions(rows)
        for name, rows in predictions.groupby("system", sort=False)
    }
    uars = {name: metrics.uar_of(rows) for name, rows in systems.items()}
    best_unimodal = systems[max(UNIMODAL, key=uars.__getitem__)]
    for name, rows in systems.items():
        figures = metrics.intervals(rows, bootstrap)
        gain = "–"
        if name not in UNIMODAL:
            gain = f"{paired.paired_bootstrap(rows, best_unimodal, bootstrap)['uar']:+}"
        description = _DESCRIPTIONS.get(name, "")
        yield code(name), description, str(figures["uar"]), str(figures["accuracy"]), gain


def _is_synthetic(predictions: pd.DataFrame) -> bool:
    return bool(predictions["corpus"].str.contains("synthetic").any())


def _check(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions' own columns.

    Raises:
        ValueError: a column is missing, a prediction is damaged, or the systems of a part do not
            have the same performances
    """
    if missing := [name for name in _COLUMNS if name not in predictions]:
        raise ValueError(f"there is no column {join_names(missing)}")
    for part, rows in predictions.groupby("part"):
        performances = [
            frozenset(check_predictions(system)["performance"])
            for _, system in rows.groupby("system")
        ]
        if len(set(performances)) != 1 or not set(UNIMODAL) <= set(rows["system"]):
            raise ValueError(f"{part}: the systems are not all there, on the same performances")
    return predictions[_COLUMNS]
