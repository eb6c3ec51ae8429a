"""From two models to one: what is fused, what it must be better than, and the whole."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from ..corpus import split
from ..datasets import Dataset
from ..evaluation import metrics, paired
from ..evaluation.bootstrap import Bootstrap, Interval
from ..modalities import UNIMODAL, Unimodal
from ..models.bundle import Bundle
from ..models.preprocessing import SequencePreprocessor
from ..paths import Project
from ..settings import Settings
from ..tracking import json_file
from . import stacking

__all__ = [
    "COMPARED",
    "LATE",
    "PARTS",
    "compared",
    "configurations",
    "identities",
    "note",
    "settled",
    "whole",
    "with_answers",
]

#: the modalities that are fused
PARTS = UNIMODAL
#: the architecture that takes answers
LATE = "late"
#: in the search's folder
COMPARED = "compared.csv"

Found = dict[str, Any]


def configurations(project: Project) -> dict[Unimodal, Found]:
    """Of each modality the configuration that its search chose first; none if one has no model."""
    found = {part: json_file.read(project.search(part) / "found.json") for part in PARTS}
    if any("absent" in one for one in found.values()):
        return {}
    return {part: one["members"][0] for part, one in found.items()}


def identities() -> dict[str, SequencePreprocessor]:
    """Answers are taken as they are."""
    emotions = len(metrics.PROBABILITIES)
    return {
        stacking.feature(part): SequencePreprocessor(1, [0.0] * emotions, [1.0] * emotions)
        for part in PARTS
    }


def with_answers(project: Project, data: Dataset) -> Dataset:
    """The performances that both models have answered for without being trained on them.

    Raises:
        CorpusError: a model's search was on another split
    """
    for part in PARTS:
        made_on = json_file.read(project.search(part) / "found.json")["split"]
        split.require_same_split(made_on, data.split, f"the search result of {part}")
    found = {stacking.feature(part): stacking.logarithms(project, part) for part in PARTS}
    both = set.intersection(*(set(each) for each in found.values()))
    kept = data.where(data.rows["performance"].isin(both))
    more = {name: [each[key] for key in kept.rows["performance"]] for name, each in found.items()}
    return replace(kept, features=kept.features | more)


def settled(
    project: Project,
    settings: Settings,
    trials: list[Found],
    choose: Callable[[list[Found]], tuple[Found, pd.DataFrame]],
) -> tuple[Found, pd.DataFrame]:
    """The chosen fusion, or that of answers where no other surely beats the better model alone.

    Surely: over draws of the actors, the same for both, the difference of the unweighted average
    recall stays above zero.

    Args:
        trials: what the search tried
        choose: what is chosen among some of them, and what that answers

    Returns:
        as `choose`, with `fusion`: what it was compared with, and by how much it is better
    """
    found, given = choose(trials)
    alone = {part: stacking.table(project, part) for part in PARTS}
    fusion = _compared(settings, given, alone)
    late = [one for one in trials if one["hyperparameters"]["architecture"] == LATE]
    if not fusion["wins"] and late:
        found, given = choose(late)
        fusion = _compared(settings, given, alone)
    return found | {"fusion": fusion}, given


def compared(
    project: Project,
    trials: list[Found],
    choose: Callable[[list[Found]], tuple[Found, pd.DataFrame]],
) -> pd.DataFrame:
    """What each model alone and each way to fuse them answers, on the same performances.

    Of each architecture that of its trials which the search found best.

    Args:
        trials: what the search tried, best first
        choose: as `settled` takes it

    Returns:
        as `metrics` takes it, with the column `system`
    """
    best: dict[str, Found] = {}
    for one in trials:
        best.setdefault(one["hyperparameters"]["architecture"], one)
    fused = {name: choose([one])[1] for name, one in best.items()}
    given = next(iter(fused.values()))
    alone = {part: paired.align(stacking.table(project, part), given)[0] for part in PARTS}
    tables = [rows.assign(system=name) for name, rows in (alone | fused).items()]
    columns = ["system", "performance", "fold", "true", *metrics.PROBABILITIES]
    return pd.concat(tables, ignore_index=True)[columns]


def _compared(
    settings: Settings, given: pd.DataFrame, alone: Mapping[Unimodal, pd.DataFrame]
) -> Found:
    shared = {part: paired.align(each, given)[0] for part, each in alone.items()}
    uars = {
        part: metrics.uar(each["true"], metrics.predicted(each)) for part, each in shared.items()
    }
    better = max(uars, key=uars.__getitem__)
    bootstrap = Bootstrap.from_settings(settings)
    difference = paired.paired_bootstrap(given, shared[better], bootstrap)["uar"]
    return {
        "performances": len(given),
        "alone": uars,
        "better": better,
        "fused": metrics.uar(given["true"], metrics.predicted(given)),
        "difference": [difference.value, difference.low, difference.high],
        "wins": difference.low is not None and difference.low > 0,
    }


def whole(network: Any, bundles: Mapping[Unimodal, Bundle]) -> Any:
    """From the features of both to one answer, by way of each model's own.

    A modality whose features are all zero is taken as missing.

    Args:
        network: takes answers
        bundles: the trained models

    Returns:
        a Keras model of the features of both
    """
    import keras
    from keras import ops

    from ..models.layers.modality_dropout import modality_mask

    inputs: dict[str, Any] = {}
    given: dict[str, Any] = {}
    for part, bundle in bundles.items():
        own = {
            name: keras.Input(made.shape, name=name) for name, made in bundle.preprocessors.items()
        }
        model = keras.Model(bundle.network.input, bundle.network.output, name=part)
        logs = ops.log(ops.maximum(model(own), stacking.SMALLEST))
        given[stacking.feature(part)] = (logs * modality_mask(list(own.values())))[:, None]
        inputs |= own
    return keras.Model(inputs, network(given))


def note(found: Found) -> str:
    """What was found, in a sentence."""
    fusion = found.get("fusion")
    if not fusion:
        return "nothing to compare by: both models' answers, their geometric mean"
    against = f"UAR {Interval(*fusion['difference']):+} against {fusion['better']} alone"
    if fusion["wins"]:
        return f"better than either model alone: {against}"
    return f"no fusion is surely better than the better model alone, so that of answers: {against}"
