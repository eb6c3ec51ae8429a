"""The space of few dimensions that a model adapts to speakers in, fitted to training clips.

Source:
    S. R. Searle, G. Casella, C. E. McCulloch: Variance components. Wiley 1992, 4.4 (random effects
    of two crossed factors, by the analysis of variance)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import AvemoError
from .adaptation import Adaptation, Floats

__all__ = ["MIN_SPEAKERS", "LabelledClips", "fit_space"]

#: fewer do not tell how speakers differ
MIN_SPEAKERS = 6
#: principal components that are looked at
_COMPONENTS = 300
#: a covariance is shrunk towards a sphere by this share
_SHRINKAGE = 0.2
#: before they are chosen
_TRUST, _WEIGHT = 0.5, 0.5
_DISTANCES = 1001
_ITERATIONS = 10


@dataclass(frozen=True)
class LabelledClips:
    """Clips whose speakers and emotions are known, in a fixed order.

    Args:
        vectors: of their feature, see `clip_vector` [shape=(clips, columns)]
        labels: codes of the classes [shape=(clips,)]
        speakers: their names [shape=(clips,)]
        folds: disjoint by speaker [shape=(clips,)]
        probabilities: by a model that was not trained on the clip [shape=(clips, classes)]
    """

    vectors: NDArray[np.float32]
    labels: NDArray[np.integer]
    speakers: NDArray[np.str_]
    folds: NDArray[np.integer]
    probabilities: Floats

    def where(self, selected: NDArray[np.bool_]) -> LabelledClips:
        """Return some of the clips."""
        return LabelledClips(
            self.vectors[selected],
            self.labels[selected],
            self.speakers[selected],
            self.folds[selected],
            self.probabilities[selected],
        )


@dataclass(frozen=True)
class _Variances:
    """Class means, and covariances of what clips differ by besides [shape=(columns, columns)].

    Args:
        means: [shape=(classes, columns)]
        speakers: of the speakers' offsets
        interaction: of what is a speaker's own in one class
        within: of the clips of one speaker and class
    """

    means: Floats
    speakers: Floats
    interaction: Floats
    within: Floats

    def project(self, basis: Floats) -> _Variances:
        """Return them in another basis [shape=(columns, dimensions)]."""
        covariances = (self.speakers, self.interaction, self.within)
        return _Variances(self.means @ basis, *(basis.T @ own @ basis for own in covariances))


def fit_space(clips: LabelledClips, classes: Sequence[str], feature: str) -> Adaptation:
    """Return an adaptation whose trust, weight and distances are not chosen yet.

    Its dimensions are the directions that tell the classes apart for one speaker (linear
    discriminant analysis), and no others: what else tells speakers apart is not in it.

    Args:
        clips: of the training set
        classes: the emotions, in the order of the codes
        feature: the name of the feature

    Raises:
        AvemoError: there are too few speakers, or a class has no clip
    """
    speakers = len(set(clips.speakers))
    if speakers < MIN_SPEAKERS:
        raise AvemoError(f"{MIN_SPEAKERS} speakers are needed, and there are {speakers}")
    if missing := [name for code, name in enumerate(classes) if code not in clips.labels]:
        raise AvemoError(f"there is no clip of {', '.join(missing)}")
    mean = clips.vectors.mean(axis=0)
    deviation = np.maximum(clips.vectors.std(axis=0), 1e-6)
    standardised = (clips.vectors - mean) / deviation
    components = _principal_components(standardised)
    full = _analyse_variance(standardised @ components, clips.labels, clips.speakers)
    basis = _discriminants(full.means, full.within)
    variances = full.project(basis)
    basis = basis @ _diagonalise(variances.within, variances.speakers)
    variances = full.project(basis)
    projection = np.asarray(components @ basis / deviation[:, None], np.float64)
    return Adaptation(
        feature=feature,
        classes=tuple(classes),
        projection=projection,
        origin=np.asarray(mean, np.float64) @ projection,
        class_means=variances.means,
        speaker_variance=np.diag(variances.speakers).copy(),
        class_variance=np.diag(variances.interaction).copy(),
        trust=_TRUST,
        weight=_WEIGHT,
        distances=np.zeros(_DISTANCES),
    )


def _principal_components(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the leading principal components of standardised vectors, scaled together."""
    values, vectors_left = np.linalg.eigh(vectors @ vectors.T)
    leading = slice(-min(_COMPONENTS, int((values > values[-1] * 1e-5).sum())), None)
    components = vectors.T @ (vectors_left[:, leading] / np.sqrt(values[leading]))
    return np.asarray(components / (vectors @ components).std(), np.float32)


def _analyse_variance(
    positions: Floats, labels: NDArray[np.integer], speakers: NDArray[np.str_]
) -> _Variances:
    """Return the variance components of clips, by speaker, by speaker and class, and the rest."""
    names, codes = np.unique(speakers, return_inverse=True)
    cells, cell_of = np.unique(np.stack([codes, labels], axis=1), axis=0, return_inverse=True)
    cell_of = cell_of.ravel()
    counts = np.bincount(cell_of)
    cell_means = _group_means(positions, cell_of, len(cells))
    cell_speakers, cell_labels = cells.T
    offsets = np.zeros((len(names), positions.shape[1]))
    for _ in range(_ITERATIONS):  # cells may be missing; where none is, the first is exact
        means = _group_means(cell_means - offsets[cell_speakers], cell_labels, labels.max() + 1)
        offsets = _group_means(cell_means - means[cell_labels], cell_speakers, len(names))
        offsets -= offsets.mean(axis=0)
    residuals = cell_means - means[cell_labels] - offsets[cell_speakers]
    cell_freedom = max(1, len(cells) - len(names) - len(means) + 1)
    mixed = residuals.T @ residuals / cell_freedom
    repeated = positions - cell_means[cell_of]
    freedom = len(positions) - len(cells)
    if freedom >= len(cells):
        within = repeated.T @ repeated / freedom
        interaction = mixed - within * (1 / counts).mean()
    else:  # speakers say each emotion once: what is whose cannot be told
        within = interaction = mixed / 2
    classes_each = len(cells) / len(names)
    between = offsets.T @ offsets / (len(names) - 1) - mixed / classes_each
    return _Variances(means, _shrink(between), _shrink(interaction), _shrink(within))


def _group_means(rows: Floats, codes: NDArray[np.integer], groups: int) -> Floats:
    """Return the mean of the rows of each group [shape=(groups, columns)]."""
    members = (
        np.equal.outer(np.arange(groups), codes) / np.bincount(codes, minlength=groups)[:, None]
    )
    return np.asarray(members @ rows)


def _shrink(covariance: Floats) -> Floats:
    """Return a covariance without negative variances, shrunk towards a sphere."""
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, 0)
    values = (1 - _SHRINKAGE) * values + _SHRINKAGE * max(values.mean(), 1e-6)
    return np.asarray((vectors * values) @ vectors.T)


def _discriminants(means: Floats, within: Floats) -> Floats:
    """Return the directions that tell classes apart [shape=(columns, classes - 1)]."""
    whitening = np.linalg.inv(np.linalg.cholesky(within)).T
    centred = (means - means.mean(axis=0)) @ whitening
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    return np.asarray(whitening @ directions[: len(means) - 1].T)


def _diagonalise(within: Floats, between: Floats) -> Floats:
    """Return a basis in which one covariance is the identity and the other one diagonal."""
    whitening = np.linalg.inv(np.linalg.cholesky(within)).T
    _, vectors = np.linalg.eigh(whitening.T @ between @ whitening)
    return np.asarray(whitening @ vectors)
