"""Fusion of the audio and the visual model: its data, its choice, and its end-to-end network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from ..corpus import split
from ..datasets import Dataset
from ..evaluation import metrics, paired
from ..evaluation.bootstrap import Bootstrap
from ..modalities import UNIMODAL, Unimodal
from ..models.end_to_end import feature_name
from ..models.preprocessing import SequencePreprocessor
from ..paths import Project
from ..records import Configuration, FusionChoice, SearchResult, Skipped, Trial, read_or_skipped
from ..settings import Settings
from . import stacking
from .ensemble_selection import Ensemble

__all__ = [
    "LATE",
    "LATE_FUSIONS",
    "Select",
    "add_log_probabilities",
    "branch_configurations",
    "compare_fusions",
    "describe_choice",
    "select_fusion",
    "stacking_preprocessors",
]

LATE = "late"
#: the architectures that fuse predictions, and so answer untrained
LATE_FUSIONS = (LATE, "late_prior")

#: selects an ensemble among some trials
Select = Callable[[Sequence[Trial]], Ensemble]


def branch_configurations(project: Project) -> dict[Unimodal, Configuration]:
    """Return the first member of each modality's search; empty if a modality has no model."""
    configurations = {}
    for modality in UNIMODAL:
        result = read_or_skipped(SearchResult, project.search_result(modality))
        if isinstance(result, Skipped):
            return {}
        configurations[modality] = result.members[0]
    return configurations


def stacking_preprocessors() -> dict[str, SequencePreprocessor]:
    """Return by feature the preprocessors of both models' log probabilities."""
    return {feature_name(modality): stacking.preprocessor() for modality in UNIMODAL}


def add_log_probabilities(project: Project, data: Dataset) -> Dataset:
    """Return the performances that both models have out-of-fold predictions of, with these.

    Raises:
        CorpusError: a model's search was on another split
    """
    features = {}
    for modality in UNIMODAL:
        result = SearchResult.read(project.search_result(modality))
        split.require_same_split(result.split_id, data.split_id, f"the search result of {modality}")
        features[feature_name(modality)] = stacking.log_probabilities(project, modality)
    predicted = set.intersection(*(set(arrays) for arrays in features.values()))
    selected = data.where(data.rows["performance"].isin(predicted))
    stacked = {
        name: [arrays[performance] for performance in selected.rows["performance"]]
        for name, arrays in features.items()
    }
    return replace(selected, features=selected.features | stacked)


def select_fusion(
    project: Project, settings: Settings, trials: Sequence[Trial], select: Select
) -> Ensemble:
    """Return the selected fusion, or a late fusion where it is not significantly better.

    Significantly: the interval of its unweighted average recall less that of the better unimodal
    model lies above zero, by a paired bootstrap over actors.

    Args:
        trials: of the search
        select: selects an ensemble among some of them

    Returns:
        with `fusion`, the comparison
    """
    unimodal = {modality: stacking.scaled_predictions(project, modality) for modality in UNIMODAL}
    ensemble = select(trials)
    choice = _compare(settings, ensemble.predictions, unimodal)
    late = [trial for trial in trials if trial.hyperparameters["architecture"] in LATE_FUSIONS]
    if not choice.significant and late:
        ensemble = select(late)
        choice = _compare(settings, ensemble.predictions, unimodal)
    return replace(ensemble, fusion=choice)


def compare_fusions(project: Project, trials: Sequence[Trial], select: Select) -> pd.DataFrame:
    """Return the predictions of each unimodal model and of each architecture that fuses them.

    All are of the same performances; each architecture stands with its best trial.

    Args:
        trials: of the search, best first
        select: as `select_fusion` takes it

    Returns:
        columns system, performance, fold, true, and the probabilities
    """
    best: dict[str, Trial] = {}
    for trial in trials:
        best.setdefault(str(trial.hyperparameters["architecture"]), trial)
    fused = {name: select([trial]).predictions for name, trial in best.items()}
    performances = next(iter(fused.values()))
    unimodal = {
        str(modality): paired.align(stacking.scaled_predictions(project, modality), performances)[0]
        for modality in UNIMODAL
    }
    tables = [rows.assign(system=name) for name, rows in (unimodal | fused).items()]
    columns = ["system", "performance", "fold", "true", *metrics.PROBABILITIES]
    return pd.concat(tables, ignore_index=True)[columns]


def _compare(
    settings: Settings, fused: pd.DataFrame, unimodal: Mapping[Unimodal, pd.DataFrame]
) -> FusionChoice:
    aligned = {modality: paired.align(rows, fused)[0] for modality, rows in unimodal.items()}
    uars = {modality: _uar(rows) for modality, rows in aligned.items()}
    best = max(uars, key=uars.__getitem__)
    bootstrap = Bootstrap.from_settings(settings)
    return FusionChoice(
        performances=len(fused),
        unimodal=uars,
        best_unimodal=best,
        fused=_uar(fused),
        difference=paired.paired_bootstrap(fused, aligned[best], bootstrap)["uar"],
    )


def _uar(predictions: pd.DataFrame) -> float:
    return metrics.uar(predictions["true"], metrics.predicted(predictions))


def describe_choice(choice: FusionChoice | None) -> str:
    """Return in a sentence why a fusion was chosen.

    Args:
        choice: the comparison; None where there was nothing to compare on
    """
    if choice is None:
        return "nothing to compare on: the geometric mean of both models' probabilities"
    against = f"UAR {choice.difference:+} against {choice.best_unimodal} alone"
    if choice.significant:
        return f"better than either model alone: {against}"
    return (
        f"no fusion is significantly better than the better model alone, so late fusion: {against}"
    )
