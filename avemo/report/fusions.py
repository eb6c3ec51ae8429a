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
from ..modalities import MODALITIES, UNIMODAL, Modality, Unimodal
from ..page import code
from ..paths import Project
from ..records import EvaluationResult, FusionCrossValidation, SearchResult, read_or_skipped
from ..settings import Settings
from ..tables import read_csv
from .published import check_predictions

__all__ = ["FILE", "FusionTable", "import_fusions", "read", "tables"]

#: in a checkout
FILE = Path("results", "fused", "compared.csv")

#: in the order of the page
_PARTS = _NESTED, _INNER, _TEST = "unseen actors", "inner folds", "test part"
_DESCRIPTIONS = {
    "audio": "the audio model",
    "visual": "the visual model",
    "geometric_mean": "the geometric mean of both models' probabilities",
    "late": "their weighted product, one weight a modality",
    "stacking": "logistic regression on both models' probabilities",
    "attention": "sound and faces attend to each other",
    "modules": "the two networks joined and trained anew",
    "fused": "the fused model",
    "fused_audio": "the fused model, from sound alone",
    "fused_visual": "the fused model, from picture alone",
}
_TEXT = ("corpus", "run", "part", "system", "architectures", "performance", "true")
_COLUMNS = [
    *("corpus", "run", "part", "system", "architectures"),
    *("performance", "fold", "true", *metrics.probability_columns(EMOTIONS)),
]


@dataclass(frozen=True)
class FusionTable:
    """Every system on one part of the performances.

    Args:
        part: `unseen actors`, `inner folds` or `test part`
        run_id: of the cross-validation, the search or the training in MLflow
        rows: the systems with their figures
        systems: the names of the systems, in the order of their rows
        folds: of the unseen actors, each fold with the systems' UAR
        imported: a model takes imported action units
    """

    part: str
    synthetic: bool
    performances: int
    run_id: str
    rows: list[tuple[str, ...]]
    systems: list[str]
    folds: list[tuple[str, ...]]
    imported: bool


def import_fusions(project: Project, settings: Settings) -> str:
    """Publish the predictions of the fusion: nested, of the last search and of the last evaluation.

    What was not run here stays as it is published. Predictions of the synthetic sample do not take
    the place of those of real recordings, and those of real recordings replace all of the sample's.

    Returns:
        what was imported, or not and why

    Raises:
        AvemoError: predictions are damaged; then nothing is changed
    """
    tables = [*_nested_predictions(project), *_searched_predictions(project)]
    if not tables:
        return "sound and picture: not imported, because no fusion was tested here"
    before = read(project.root)
    if settings.corpus.synthetic and before is not None and not _is_synthetic(before):
        return (
            "sound and picture: not imported, because it is of the synthetic sample, and what is "
            "published is not"
        )
    rows = pd.concat(tables, ignore_index=True).assign(corpus=settings.corpus.label)
    parts = list(rows["part"].unique())
    if before is not None and _is_synthetic(before) == settings.corpus.synthetic:
        rows = pd.concat([rows, before[~before["part"].isin(parts)]], ignore_index=True)
    try:
        rows = _check(rows)
    except ValueError as error:
        raise AvemoError(
            f"sound and picture: nothing is imported: {error}; run its stage again (dvc repro "
            "--force search-fused, or crossvalidate-fused in study)"
        ) from None
    with atomic_write(project.root / FILE) as beside:
        rows.to_csv(beside, index=False, float_format="%.6f")
    counts = rows.groupby("part")["performance"].nunique()
    imported = ", ".join(f"{part} ({counts[part]:,} performances)" for part in parts)
    return f"sound and picture: imported, {imported}"


def _nested_predictions(project: Project) -> Iterator[pd.DataFrame]:
    """Return what the cross-validation predicted of unseen actors, if it was run here."""
    from ..training.stacking import COMPARISON

    file = project.crossvalidation_result("fused")
    if not file.exists():
        return
    result = read_or_skipped(FusionCrossValidation, file)
    if isinstance(result, FusionCrossValidation) and result.protocol == "actor":
        rows = read_csv(file.parent / COMPARISON, text=_TEXT)
        searched = {str(modality): _architectures(project, modality) for modality in UNIMODAL}
        rows["architectures"] = rows["system"].map(searched).fillna("")
        yield rows.assign(run=result.run_id, part=_NESTED)


def _architectures(project: Project, modality: Unimodal) -> str:
    """Return the architectures that a modality's members were selected among."""
    file = project.search_result(modality)
    trials = SearchResult.read(file).trials if file.exists() else []
    return ", ".join(sorted({str(trial.hyperparameters["architecture"]) for trial in trials}))


def _searched_predictions(project: Project) -> Iterator[pd.DataFrame]:
    """Return what the search and the trained models predicted, if both were run here."""
    from ..training.stacking import COMPARISON

    file = project.search("fused") / COMPARISON
    if not file.exists() or not project.evaluation_result.exists():
        return
    run_id = SearchResult.read(project.search_result("fused")).run_id
    yield read_csv(file, text=_TEXT).assign(run=run_id, part=_INNER, architectures="")
    evaluation = EvaluationResult.read(project.evaluation_result)
    if evaluation.modalities["fused"].test:
        yield from _test_predictions(project, evaluation)


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
        yield paired.align(rows, fused)[0].assign(
            system=name, run=run_id, part=_TEST, architectures=""
        )


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
        return _check(read_csv(root / FILE, text=_TEXT))
    except ValueError as error:
        raise AvemoError(f"{FILE}: {error}; bring it back (git checkout -- {FILE})") from None


def tables(predictions: pd.DataFrame, bootstrap: Bootstrap) -> list[FusionTable]:
    """Return a table of the unseen actors, one of the inner folds, and one of the test part.

    Of those that are published.
    """
    synthetic = _is_synthetic(predictions)
    fusions = []
    for part in _PARTS:
        rows = predictions[predictions["part"].eq(part)]
        if rows.empty:
            continue
        (run_id,) = rows.loc[~rows["system"].isin(UNIMODAL), "run"].unique()
        performances = rows["performance"].nunique()
        systems = {
            str(name): check_predictions(own) for name, own in rows.groupby("system", sort=False)
        }
        architectures = dict(zip(rows["system"], rows["architectures"], strict=True))
        fusions.append(
            FusionTable(
                part,
                synthetic,
                performances,
                run_id,
                rows=list(_rows(systems, architectures, bootstrap)),
                systems=[code(name) for name in systems],
                folds=list(_folds(systems)) if part == _NESTED else [],
                imported=bool(rows["architectures"].str.contains("action_units").any()),
            )
        )
    return fusions


def _rows(
    systems: dict[str, pd.DataFrame], architectures: dict[str, str], bootstrap: Bootstrap
) -> Iterator[tuple[str, ...]]:
    """Return each system with its figures."""
    uars = {name: metrics.uar_of(rows) for name, rows in systems.items()}
    best_unimodal = systems[max(UNIMODAL, key=uars.__getitem__)]
    for name, rows in systems.items():
        figures = metrics.intervals(rows, bootstrap)
        gain = "–"
        if name not in UNIMODAL:
            gain = f"{paired.paired_bootstrap(rows, best_unimodal, bootstrap)['uar']:+}"
        own = architectures.get(name, "")
        description = _DESCRIPTIONS.get(name, "") + (f": {own}" if own else "")
        cells = [str(figures[figure]) for figure in ("uar", "accuracy", "log_loss")]
        yield code(name), description, *cells, gain


def _folds(systems: dict[str, pd.DataFrame]) -> Iterator[tuple[str, ...]]:
    """Return each fold with its actors and every system's UAR."""
    for fold, rows in systems[UNIMODAL[0]].groupby("fold"):
        actors = ", ".join(f"{actor:02d}" for actor in sorted(set(rows["actor"])))
        uars = [f"{metrics.uar_of(own[own['fold'].eq(fold)]):.3f}" for own in systems.values()]
        yield f"{fold}", actors, *uars


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
    for part in predictions["part"].unique():
        if part not in _PARTS:
            raise ValueError(f"{part} is none of the parts {', '.join(_PARTS)}")
        rows = predictions[predictions["part"].eq(part)]
        performances = [
            frozenset(check_predictions(system)["performance"])
            for _, system in rows.groupby("system")
        ]
        if len(set(performances)) != 1 or not set(UNIMODAL) <= set(rows["system"]):
            raise ValueError(f"{part}: the systems are not all there, on the same performances")
    return predictions[_COLUMNS]
