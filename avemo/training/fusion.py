"""Fusion of the audio and the visual model: its data, its choice, and its end-to-end network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import keras
import pandas as pd

from ..corpus import split
from ..datasets import Dataset
from ..evaluation import calibration, metrics, paired
from ..evaluation.bootstrap import Bootstrap
from ..modalities import UNIMODAL, Unimodal
from ..models.end_to_end import feature_name
from ..models.preprocessing import SequencePreprocessor
from ..models.weighted_product import INITIAL_WEIGHT, WEIGHTS_LAYER
from ..paths import Project
from ..records import Configuration, FusionChoice, SearchResult, Skipped, Trial, read_or_skipped
from ..settings import Settings
from . import stacking
from .ensemble_selection import Ensemble

__all__ = [
    "LATE",
    "LATE_FUSIONS",
    "OF_PREDICTIONS",
    "STACKING",
    "Select",
    "add_log_probabilities",
    "branch_configurations",
    "compare_fusions",
    "describe_choice",
    "join_predictions",
    "replace_log_probabilities",
    "select_fusion",
    "stacking_preprocessors",
    "weights_of",
]

#: the architecture with one weight a modality
LATE = "late"
#: those with one weight a modality, which answer unfitted; of them one is taken unless another
#: architecture is surely better
LATE_FUSIONS = (LATE, "late_prior")
#: the one with a weight for each pair of an emotion and a probability
STACKING = "stacking"
#: those that take the unimodal models' predictions, not their features
OF_PREDICTIONS = (*LATE_FUSIONS, STACKING)

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


def stacking_preprocessors(classes: int) -> dict[str, SequencePreprocessor]:
    """Return by feature the preprocessors of both models' log probabilities of some classes."""
    preprocessor = SequencePreprocessor.unscaled(classes)
    return {feature_name(modality): preprocessor for modality in UNIMODAL}


def add_log_probabilities(project: Project, data: Dataset) -> Dataset:
    """Return the performances that both models have out-of-fold predictions of, with these.

    Raises:
        CorpusError: a model's search was on another split
    """
    predictions = {}
    for modality in UNIMODAL:
        result = SearchResult.read(project.search_result(modality))
        split.require_same_split(result.split_id, data.split_id, f"the search result of {modality}")
        predictions[modality] = stacking.scaled_predictions(project, modality)
    shared = set.intersection(*(set(rows["performance"]) for rows in predictions.values()))
    selected = data.where(data.rows["performance"].isin(shared))
    return replace_log_probabilities(selected, predictions)


def replace_log_probabilities(
    data: Dataset, predictions: Mapping[Unimodal, pd.DataFrame]
) -> Dataset:
    """Return the performances with the log probabilities of some predictions.

    Args:
        predictions: by modality, of every performance and maybe others
    """
    features = {}
    for modality, rows in predictions.items():
        arrays = stacking.log_probabilities(rows)
        features[feature_name(modality)] = [
            arrays[performance] for performance in data.rows["performance"]
        ]
    return replace(data, features=data.features | features)


def join_predictions(predictions: Mapping[Unimodal, pd.DataFrame], split_id: str) -> Dataset:
    """Return the performances that both models have predictions of, with their log probabilities.

    Args:
        predictions: by modality, as `evaluation.predictions` has them
        split_id: of the split that their folds are of
    """
    audio, _ = paired.align(predictions["audio"], predictions["visual"])
    rows = audio[["performance", "corpus", "actor", "sex", "part", "fold"]]
    rows = rows.assign(emotion=audio["true"])
    data = Dataset(rows, {}, {}, split_id, tuple(metrics.classes_of(audio)))
    return replace_log_probabilities(data, predictions)


def select_fusion(
    project: Project, settings: Settings, trials: Sequence[Trial], select: Select
) -> Ensemble:
    """Return the late fusion, or another where that is significantly better.

    Significantly: the interval of its unweighted average recall less that of the late fusion lies
    above zero, by a paired bootstrap over actors.

    Args:
        trials: of the search
        select: selects an ensemble among some of them

    Returns:
        with `fusion`, the comparison
    """
    late = [trial for trial in trials if trial.hyperparameters["architecture"] in LATE_FUSIONS]
    others = [trial for trial in trials if trial not in late]
    ensemble = _calibrate(select(late or others))
    challenger, gain = "", None
    if late and others:
        rival = select(others)
        challenger = str(rival.members[0]["architecture"])
        bootstrap = Bootstrap.from_settings(settings)
        gain = paired.paired_bootstrap(rival.predictions, ensemble.predictions, bootstrap)["uar"]
        if gain.positive:
            ensemble = rival
    unimodal = {modality: stacking.scaled_predictions(project, modality) for modality in UNIMODAL}
    choice = _compare(settings, ensemble.predictions, unimodal)
    choice = choice.model_copy(update={"challenger": challenger, "gain": gain})
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
    fused = {}
    for name, trial in best.items():
        ensemble = _calibrate(select([trial]))
        fused[name] = calibration.apply_temperature(ensemble.predictions, ensemble.temperature)
    performances = next(iter(fused.values()))
    unimodal = {
        str(modality): paired.align(stacking.scaled_predictions(project, modality), performances)[0]
        for modality in UNIMODAL
    }
    tables = [rows.assign(system=name) for name, rows in (unimodal | fused).items()]
    probabilities = metrics.probability_columns(metrics.classes_of(performances))
    columns = ["system", "performance", "fold", "true", *probabilities]
    return pd.concat(tables, ignore_index=True)[columns]


def _calibrate(ensemble: Ensemble) -> Ensemble:
    """Return the ensemble with the temperature one if it is a late fusion.

    Its weights are fitted to make it calibrated, and a single modality's predictions are already.
    """
    is_late = ensemble.members[0]["architecture"] == LATE
    return replace(ensemble, temperature=1.0) if is_late else ensemble


def _compare(
    settings: Settings, fused: pd.DataFrame, unimodal: Mapping[Unimodal, pd.DataFrame]
) -> FusionChoice:
    aligned = {modality: paired.align(rows, fused)[0] for modality, rows in unimodal.items()}
    uars = {modality: metrics.uar_of(rows) for modality, rows in aligned.items()}
    best = max(uars, key=uars.__getitem__)
    bootstrap = Bootstrap.from_settings(settings)
    return FusionChoice(
        performances=len(fused),
        unimodal=uars,
        best_unimodal=best,
        fused=metrics.uar_of(fused),
        difference=paired.paired_bootstrap(fused, aligned[best], bootstrap)["uar"],
    )


def weights_of(late_fusion: keras.Model) -> dict[Unimodal, float]:
    """Return by modality the weight that a late fusion's network has."""
    (kernel,) = late_fusion.get_layer(WEIGHTS_LAYER).get_weights()
    return dict(zip(UNIMODAL, kernel[:, 0].tolist(), strict=True))


def describe_choice(choice: FusionChoice | None) -> str:
    """Return in a sentence why a fusion was chosen.

    Args:
        choice: the comparison; None where there was nothing to compare on
    """
    if choice is None:
        return (
            "nothing to compare on, nor to fit to: the product of both models' probabilities, each "
            f"with the weight {INITIAL_WEIGHT}"
        )
    against = f"UAR {choice.difference:+} against {choice.best_unimodal} alone"
    if choice.gain is None:
        return against
    gain = f"UAR {choice.gain:+}"
    if choice.gain.positive:
        return f"{choice.challenger}, significantly better than late ({gain}): {against}"
    return f"late: {against}; {choice.challenger} is not significantly better than late ({gain})"
