"""Fusion of the audio and the visual model: its data, its choice, and its end-to-end network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import keras
import pandas as pd

from ..corpus import split
from ..datasets import Dataset
from ..evaluation import metrics, paired
from ..evaluation.bootstrap import Bootstrap
from ..modalities import UNIMODAL, Unimodal
from ..models.bundle import Bundle
from ..models.preprocessing import SequencePreprocessor
from ..paths import Project
from ..records import Configuration, FusionChoice, SearchResult, Skipped, Trial, read_or_skipped
from ..settings import Settings
from . import stacking
from .ensemble_selection import Ensemble

__all__ = [
    "LATE",
    "Select",
    "add_log_probabilities",
    "branch_configurations",
    "build_end_to_end",
    "compare_fusions",
    "describe_choice",
    "select_fusion",
    "stacking_preprocessors",
]

#: the architecture that fuses predictions
LATE = "late"

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
    preprocessor = stacking.preprocessor(classes)
    return {stacking.feature_name(modality): preprocessor for modality in UNIMODAL}


def add_log_probabilities(project: Project, data: Dataset) -> Dataset:
    """Return the performances that both models have out-of-fold predictions of, with these.

    Raises:
        CorpusError: a model's search was on another split
    """
    features = {}
    for modality in UNIMODAL:
        result = SearchResult.read(project.search_result(modality))
        split.require_same_split(result.split_id, data.split_id, f"the search result of {modality}")
        features[stacking.feature_name(modality)] = stacking.log_probabilities(project, modality)
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
    late = [trial for trial in trials if trial.hyperparameters["architecture"] == LATE]
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
    probabilities = metrics.probability_columns(metrics.classes_of(performances))
    columns = ["system", "performance", "fold", "true", *probabilities]
    return pd.concat(tables, ignore_index=True)[columns]


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


def build_end_to_end(network: keras.Model, bundles: Mapping[Unimodal, Bundle]) -> keras.Model:
    """Return the network from the features of both modalities to the fused probabilities.

    A modality whose features are all zero counts as missing.

    Args:
        network: a late fusion, which takes log probabilities
        bundles: the trained unimodal models
    """
    from keras import ops

    from ..models.layers.modality_dropout import modality_mask

    inputs: dict[str, keras.KerasTensor] = {}
    log_probabilities: dict[str, keras.KerasTensor] = {}
    for modality, bundle in bundles.items():
        own = {
            name: keras.Input(preprocessor.shape, name=name)
            for name, preprocessor in bundle.preprocessors.items()
        }
        model = keras.Model(bundle.network.input, bundle.network.output, name=modality)
        logarithms = ops.log(ops.maximum(model(own), stacking.MIN_PROBABILITY))
        masked = logarithms * modality_mask(list(own.values()))
        log_probabilities[stacking.feature_name(modality)] = masked[:, None]
        inputs |= own
    return keras.Model(inputs, network(log_probabilities))


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
