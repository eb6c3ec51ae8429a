"""Fit how a model adapts to a speaker, and measure what that is worth on other speakers.

Two numbers are chosen, on folds that the space was not fitted to: as how many clips one counts
whose emotion is not known, and the weight of the correction. All else follows from variances.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..datasets import Dataset
from ..errors import AvemoError
from ..evaluation import metrics
from ..evaluation.bootstrap import Bootstrap
from ..features.names import extractor_of
from ..models.adaptation import Adaptation, Floats, clip_vector
from ..models.speaker_space import LabelledClips, fit_space
from ..models.weighted_product import MIN_PROBABILITY
from ..records import Figures
from ..settings import Adaptation as Limits
from .enrolments import draw_enrolments, statistics_of

__all__ = [
    "UNADAPTED",
    "Curve",
    "adaptation_feature",
    "crossvalidate_adaptation",
    "curve_figures",
    "fit_adaptation",
    "labelled_clips",
]

#: what a space is fitted to, the first that there is
_FEATURES = ("whisper_stats", "whisper", "prosody_stats", "logmel", "mfcc")

#: the case without a speaker
UNADAPTED = "none"
#: what is chosen among
_TRUSTS = (0.25, 0.5, 1.0)
_WEIGHTS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
_CHOICES = tuple(product(_TRUSTS, _WEIGHTS))


@dataclass(frozen=True)
class Curve:
    """How often each clip is right in each case, by each choice of trust and weight.

    Args:
        right: by case, the share of draws in which a clip is right; NaN where none predicts it
            [shape=(choices, clips)]
        surprises: of clips by their own speaker's statistics, by trust
    """

    right: dict[str, Floats]
    surprises: list[Floats]

    def uars(self, labels: NDArray[np.integer], selected: NDArray[np.bool_]) -> Floats:
        """Return the unweighted average recall of some clips [shape=(cases, choices)]."""
        rows = [
            _uar(right[:, selected], labels[selected])
            for case, right in self.right.items()
            if case != UNADAPTED
        ]
        return np.array(rows)


def adaptation_feature(data: Dataset, features: Collection[str]) -> str:
    """Return the feature that a model's adaptation is fitted to; empty where there is none.

    Args:
        data: with features
        features: of the model, which computes their extractors' other features as well
    """
    extractors = {extractor_of(feature) for feature in features}
    names = (name for name in _FEATURES if name in data.features)
    return next((name for name in names if extractor_of(name) in extractors), "")


def labelled_clips(data: Dataset, predictions: pd.DataFrame, feature: str) -> LabelledClips:
    """Return the clips of a dataset that there are predictions of.

    Args:
        data: with the feature
        predictions: by models that were not trained on the clip's speaker
        feature: its name
    """
    data = data.where(data.rows["performance"].isin(predictions["performance"]))
    rows = predictions.set_index("performance").loc[data.rows["performance"]].reset_index()
    vectors = [clip_vector(array) for array in data.features[feature]]
    return LabelledClips(
        np.array(vectors, np.float32),
        data.labels,
        (data.rows["corpus"] + " " + data.rows["actor"].astype(str)).to_numpy(str),
        data.rows["fold"].to_numpy(int),
        metrics.probabilities(rows),
    )


def fit_adaptation(
    clips: LabelledClips, classes: Sequence[str], feature: str, limits: Limits, seed: int
) -> tuple[Adaptation, pd.DataFrame]:
    """Return the adaptation of a model, and how often each clip is right in each case.

    Args:
        clips: of the training set
        classes: the emotions, in the order of the codes
        feature: the name of the feature
        limits: what is drawn, and what is to hold
        seed: of the draws

    Returns:
        the adaptation, and a table with the columns true (a code), actor, and one a case, in the
        order of the clips. Each clip is predicted by a space and a choice of the other folds; the
        choice was made by spaces which its own fold was in

    Raises:
        AvemoError: there are too few speakers, a class has no clip, or the folds share a speaker
    """
    for speaker in set(clips.speakers):
        if len(set(clips.folds[clips.speakers == speaker])) > 1:
            raise AvemoError(f"speaker {speaker} is in several folds")
    adaptation = fit_space(clips, classes, feature)
    folds = sorted(set(clips.folds.tolist()))
    spaces = {fold: fit_space(clips.where(clips.folds != fold), classes, feature) for fold in folds}
    curves = [
        measure(space, clips, clips.folds == fold, limits.draws, seed)
        for fold, space in spaces.items()
    ]
    curve = _merge(curves)
    choice = choose(curve, clips, np.ones(len(clips.labels), bool), limits.max_loss)
    choices = {fold: choose(curve, clips, clips.folds != fold, limits.max_loss) for fold in folds}
    adaptation = _settle(adaptation, curve, choice, limits)
    return adaptation, _chosen_rows(curve, clips, choices)


def crossvalidate_adaptation(
    clips: LabelledClips,
    classes: Sequence[str],
    feature: str,
    limits: Limits,
    seed: int,
    pictures: Floats | None = None,
) -> tuple[pd.DataFrame, dict[int, Adaptation]]:
    """Return how often each clip is right in each case, nested, and each fold's adaptation.

    The space of the tested fold's speakers, and trust and weight, come from the other folds; these
    two are chosen on folds that their space was not fitted to, nor the tested fold.

    Args:
        clips: see `fit_adaptation`
        classes: see `fit_adaptation`
        feature: see `fit_adaptation`
        limits: see `fit_adaptation`
        seed: see `fit_adaptation`
        pictures: what is added to the logarithms of the tested fold's adapted probabilities for
            what is seen, as a product adds it [shape=(clips, classes)]; sound alone is chosen by

    Raises:
        AvemoError: as `fit_adaptation`
    """
    folds = sorted(set(clips.folds.tolist()))
    spaces: dict[frozenset[int], Adaptation] = {}

    def space_without(unseen: Collection[int]) -> Adaptation:
        key = frozenset(unseen)
        if key not in spaces:
            train = clips.where(~np.isin(clips.folds, list(key)))
            spaces[key] = fit_space(train, classes, feature)
        return spaces[key]

    tested, choices, adaptations = [], {}, {}
    for fold in folds:
        inner = [
            measure(space_without({fold, other}), clips, clips.folds == other, limits.draws, seed)
            for other in folds
            if other != fold
        ]
        curve = _merge(inner)
        choices[fold] = choose(curve, clips, clips.folds != fold, limits.max_loss)
        space = space_without({fold})
        adaptations[fold] = _settle(space, curve, choices[fold], limits)
        tested.append(measure(space, clips, clips.folds == fold, limits.draws, seed, pictures))
    return _chosen_rows(_merge(tested), clips, choices), adaptations


def measure(
    space: Adaptation,
    clips: LabelledClips,
    selected: NDArray[np.bool_],
    draws: int,
    seed: int,
    pictures: Floats | None = None,
) -> Curve:
    """Return how often clips are right when their speakers are enrolled by other clips of theirs.

    Args:
        space: fitted to other speakers
        clips: of all speakers
        selected: whose speakers are enrolled and predicted [shape=(clips,)]
        draws: see `draw_enrolments`
        seed: see `draw_enrolments`
        pictures: see `crossvalidate_adaptation`; speakers are enrolled by sound alone
    """
    total = len(clips.labels)
    indices = np.flatnonzero(selected)
    own = clips.where(selected)
    positions = own.vectors @ space.projection - space.origin
    logarithms = np.log(np.maximum(own.probabilities, MIN_PROBABILITY))
    if pictures is not None:
        logarithms = logarithms + pictures[selected]
    sums: dict[str, Floats] = {UNADAPTED: np.zeros((len(_CHOICES), total))}
    sums[UNADAPTED][:, indices] = logarithms.argmax(axis=1) == own.labels
    counts: dict[str, Floats] = {UNADAPTED: selected.astype(float)}
    surprises: list[list[Floats]] = [[] for _ in _TRUSTS]
    for draw in draw_enrolments(own, space.classes, draws, seed):
        right, predicted = [], draw.predicted
        for trust, own_surprises in zip(_TRUSTS, surprises, strict=True):
            adaptation = replace(space, trust=trust, weight=1.0)
            speaker = statistics_of(
                adaptation,
                positions[draw.enrolled],
                own.probabilities[draw.enrolled],
                neutral=draw.neutral,
            )
            correction = adaptation.correction(positions[predicted], speaker)
            logits = logarithms[predicted] + np.multiply.outer(_WEIGHTS, correction)
            right.append(logits.argmax(axis=2) == own.labels[predicted])
            surprise = adaptation.surprise(
                positions[predicted], own.probabilities[predicted], speaker
            )
            own_surprises.append(surprise)
        if draw.case not in sums:
            sums[draw.case] = np.zeros((len(_CHOICES), total))
            counts[draw.case] = np.zeros(total)
        sums[draw.case][:, indices[predicted]] += np.concatenate(right)
        counts[draw.case][indices[predicted]] += 1
    with np.errstate(invalid="ignore"):
        shares = {case: sums[case] / counts[case] for case in sums}
    return Curve(shares, [np.concatenate(rows or [np.zeros(1)]) for rows in surprises])


def choose(curve: Curve, clips: LabelledClips, selected: NDArray[np.bool_], max_loss: float) -> int:
    """Return the choice with the highest mean recall over cases of those that lose in no case.

    Args:
        curve: of these clips, at least
        clips: of all speakers
        selected: clips to choose by [shape=(clips,)]
        max_loss: in unweighted average recall, in any case. Where every choice loses more, the one
            that loses least is returned
    """
    uars = curve.uars(clips.labels, selected)
    unadapted = _uar(curve.right[UNADAPTED][:, selected], clips.labels[selected])
    losses = (unadapted - uars).max(axis=0)
    allowed = losses <= max(max_loss, losses.min())
    return int(np.where(allowed, uars.mean(axis=0), -1).argmax())


def curve_figures(table: pd.DataFrame, bootstrap: Bootstrap) -> tuple[Figures, Figures]:
    """Return the recall in each case, and its difference to no adaptation; both over actors.

    Args:
        table: as `fit_adaptation` returns it
        bootstrap: how the intervals are made
    """
    cases = [
        name for name in table.columns.astype(str) if name not in ("performance", "true", "actor")
    ]
    codes = pd.factorize(table["actor"])[0]
    labels = pd.factorize(table["true"], sort=True)[0]
    actors, classes = int(codes.max()) + 1, int(labels.max()) + 1
    cells = codes * classes + labels
    values = table[cases].to_numpy(np.float64)
    known = np.isfinite(values)
    sums, counts = (
        np.stack([np.bincount(cells, column, actors * classes) for column in array.T])
        for array in (np.where(known, values, 0.0), known.astype(float))
    )

    def figures(draws: np.ndarray, *, differences: bool) -> dict[str, np.ndarray]:
        shape = (len(cases), actors, classes)
        right = np.einsum("da,kac->kdc", draws, sums.reshape(shape))
        total = np.einsum("da,kac->kdc", draws, counts.reshape(shape))
        with np.errstate(invalid="ignore"):
            uars = np.nanmean(right / total, axis=2)
        if differences:
            uars = uars - uars[cases.index(UNADAPTED)]
        return dict(zip(cases, uars, strict=True))

    own = bootstrap.expanded(actors)
    size = {"actors": actors, "performances": len(table)}
    return (
        own.intervals(lambda draws: figures(draws, differences=False), **size),
        own.intervals(lambda draws: figures(draws, differences=True), **size),
    )


def _settle(space: Adaptation, curve: Curve, choice: int, limits: Limits) -> Adaptation:
    """Return the adaptation of a space by a choice, with the distances of a person's own clips."""
    trust, weight = _CHOICES[choice]
    surprises = curve.surprises[_TRUSTS.index(trust)]
    return replace(
        space,
        trust=trust,
        weight=weight,
        distances=np.quantile(surprises, np.linspace(0, 1, len(space.distances))),
        max_distance=100 * (1 - limits.false_alarms),
    )


def _merge(curves: Sequence[Curve]) -> Curve:
    """Return the curve of all clips from those of disjoint ones."""
    cases = dict.fromkeys(case for curve in curves for case in curve.right)
    right = {}
    for case in cases:
        rows = np.stack([curve.right[case] for curve in curves if case in curve.right])
        known = np.isfinite(rows)
        # a clip outside a curve is 0 of 0 there, which is no number
        total = np.where(known, rows, 0).sum(axis=0)
        right[case] = np.where(known.any(axis=0), total, np.nan)
    pairs = zip(*(curve.surprises for curve in curves), strict=True)
    return Curve(right, [np.concatenate(pair) for pair in pairs])


def _chosen_rows(curve: Curve, clips: LabelledClips, choices: dict[int, int]) -> pd.DataFrame:
    """Return the table of each clip, by the choice for its fold."""
    rows = np.array([choices[fold] for fold in clips.folds.tolist()])
    columns = {case: right[rows, np.arange(len(rows))] for case, right in curve.right.items()}
    return pd.DataFrame({"true": clips.labels, "actor": clips.speakers, **columns})


def _uar(right: Floats, labels: NDArray[np.integer]) -> Floats:
    """Return the mean over classes of the share of right clips, of those that are predicted."""
    known = np.isfinite(right)
    recalls = []
    for code in np.unique(labels):
        of_class = known[:, labels == code]
        total = np.maximum(of_class.sum(axis=1), 1)
        share = np.where(of_class, right[:, labels == code], 0).sum(axis=1) / total
        recalls.append(np.where(of_class.any(axis=1), share, np.nan))
    return np.asarray(np.nanmean(recalls, axis=0))
