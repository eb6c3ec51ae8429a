"""Adaptation of an audio model to a speaker, by statistics of a few clips of them.

In a space of few dimensions a clip lies at the mean of its class, plus the speaker's offset, plus
what is the speaker's own in this class, plus its own deviation: random effects, normal and
independent in each dimension. From clips whose emotion is known (neutral), or guessed by the model
itself, the speaker's own class means follow as their expectation, shrunk towards the average
speaker: one clip moves them little, twenty move them far, and clips of one emotion alone say little
of the others. The unadapted probabilities are multiplied by how much likelier each emotion is by
the speaker's means than by the average ones.

Source:
    C. Busso et al.: Iterative feature normalization scheme for automatic emotion detection from
    speech. IEEE Transactions on Affective Computing 4(4), 2013; offsets as random effects:
    S. J. D. Prince, J. H. Elder: Probabilistic linear discriminant analysis. ICCV 2007
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ..errors import AvemoError

__all__ = ["ADAPTATION_FILE", "Adaptation", "SpeakerStatistics", "clip_vector", "correct"]

#: in a version's folder, and in that of a trained model
ADAPTATION_FILE = "adaptation.npz"

#: a probability of zero has no logarithm
_MIN_PROBABILITY = 1e-7

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SpeakerStatistics:
    """What a version keeps of a speaker's clips: sums over them, and neither sound nor picture.

    The fields do not tell the clips apart, and those of two sets of clips can be added.

    Args:
        space: of the adaptation that they are sums in, see `Adaptation.space`
        clips: how many
        neutral_clips: how many of them were said to be neutral
        class_counts: how many clips of each class there are; one whose emotion is not known counts
            as less, and is shared among the classes by the unadapted probabilities
        sums: of the clips' positions in the space, weighted by the same counts; class by class
            [length=classes · dimensions]
    """

    space: str
    clips: int
    neutral_clips: int
    class_counts: tuple[float, ...]
    sums: tuple[float, ...]

    def __add__(self, other: SpeakerStatistics) -> SpeakerStatistics:
        """Return the statistics of both sets of clips.

        Raises:
            AvemoError: they are of different spaces
        """
        sizes = len(self.class_counts), len(self.sums)
        if other.space != self.space or sizes != (len(other.class_counts), len(other.sums)):
            raise AvemoError(
                f"statistics of two adaptations ({self.space} and {other.space}) cannot be added: "
                "enrol all clips with the same version"
            )
        return SpeakerStatistics(
            self.space,
            self.clips + other.clips,
            self.neutral_clips + other.neutral_clips,
            _add(self.class_counts, other.class_counts),
            _add(self.sums, other.sums),
        )

    def to_dict(self) -> dict[str, object]:
        """Return the fields as JSON holds them."""
        return {
            "space": self.space,
            "clips": self.clips,
            "neutral_clips": self.neutral_clips,
            "class_counts": list(self.class_counts),
            "sums": list(self.sums),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SpeakerStatistics:
        """Return the statistics that `to_dict` wrote.

        Raises:
            AvemoError: a field is missing, is unknown, or has a value that it cannot have
        """
        if not isinstance(values, Mapping):
            raise _malformed(f"{type(values).__name__} is given, an object is expected")
        names = [field.name for field in fields(cls)]
        for name in names:
            if name not in values:
                raise _malformed(f"{name} is missing")
        for name in values:
            if name not in names:
                raise _malformed(f"{name!r} is no field; {', '.join(names)} are expected")
        if not isinstance(values["space"], str):
            raise _malformed("space is no text")
        clips, neutral_clips = (_count(values, name) for name in ("clips", "neutral_clips"))
        if not 0 <= neutral_clips <= clips or not clips:
            raise _malformed(f"{neutral_clips} of {clips} clips cannot be neutral")
        class_counts = _numbers(values, "class_counts")
        if min(class_counts) < 0 or not 0 < sum(class_counts) < clips * 1.001:
            raise _malformed(f"class_counts cannot be of {clips} clips")
        return cls(values["space"], clips, neutral_clips, class_counts, _numbers(values, "sums"))


@dataclass(frozen=True)
class Adaptation:
    """What a version adapts to a speaker by; fitted in training, see `training.adaptation`.

    The clips of one speaker and class have the variance 1 in each dimension of the space.

    Args:
        feature: that the space is computed from
        classes: the emotions, in the order of the model's probabilities
        projection: from the feature of a clip, see `clip_vector` [shape=(columns, dimensions)]
        origin: is subtracted from the projection [shape=(dimensions,)]
        class_means: [shape=(classes, dimensions)]
        speaker_variance: of the speakers' offsets in each dimension [shape=(dimensions,)]
        class_variance: likewise of what is a speaker's own in one class
        trust: as how many clips one counts whose emotion is not known, 0 to 1
        weight: exponent of the correction: 1 where features and probabilities tell different things
        distances: percentiles 0, 0.1, ... 100 of the `surprise` of clips of the training's speakers
            by their own statistics
        max_distance: percentile beyond which a clip is refused as another speaker's
        audio_weight: exponent of the audio model's probabilities in the product that a fused
            version predicts; 1 for a version of sound alone
        heard_weight: the same where the version has the sound alone
    """

    feature: str
    classes: tuple[str, ...]
    projection: Floats
    origin: Floats
    class_means: Floats
    speaker_variance: Floats
    class_variance: Floats
    trust: float
    weight: float
    distances: Floats
    max_distance: float = 99.0
    audio_weight: float = 1.0
    heard_weight: float = 1.0

    @cached_property
    def space(self) -> str:
        """A hash of what statistics depend on: those of another space mean something else here."""
        digest = hashlib.sha256(f"{self.feature} {self.classes} {self.trust}".encode())
        for array in (self.projection, self.origin):
            digest.update(np.ascontiguousarray(array, np.float64).tobytes())
        return digest.hexdigest()[:16]

    def write(self, file: Path) -> None:
        """Write the parameters."""
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        with file.open("wb") as stream:
            np.savez(stream, **values)

    @classmethod
    def read(cls, file: Path) -> Adaptation:
        """Read what `write` wrote.

        Raises:
            AvemoError: the file holds something else
        """
        try:
            with np.load(file, allow_pickle=False) as arrays:
                values: dict[str, Any] = {field.name: arrays[field.name] for field in fields(cls)}
        except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
            raise AvemoError(f"{file} holds no adaptation ({error}): run dvc repro") from None
        values["feature"] = str(values["feature"])
        values["classes"] = tuple(map(str, values["classes"]))
        for name in ("trust", "weight", "max_distance", "audio_weight", "heard_weight"):
            values[name] = float(values[name])
        return cls(**values)

    def observe(
        self, features: Mapping[str, NDArray[Any]], probabilities: Sequence[float], neutral: bool
    ) -> SpeakerStatistics:
        """Return the statistics of one clip.

        Args:
            features: of the clip, with `feature`
            probabilities: of its emotions, by the unadapted audio model
            neutral: it is known to be neutral

        Raises:
            AvemoError: no class is called neutral, so that no clip can be
        """
        counts = self.trust * np.asarray(probabilities, np.float64) / np.sum(probabilities)
        if neutral:
            if "neutral" not in self.classes:
                raise AvemoError(
                    "a neutral clip is given, and the model tells no neutral from other emotions "
                    f"({', '.join(self.classes)}): enrol it without saying so"
                )
            counts = np.array([float(name == "neutral") for name in self.classes])
        sums = np.outer(counts, self.position(features)).ravel()
        return SpeakerStatistics(
            self.space, 1, int(neutral), tuple(counts.tolist()), tuple(sums.tolist())
        )

    def answer(
        self,
        features: Mapping[str, NDArray[Any]],
        probabilities: Sequence[float],
        statistics: SpeakerStatistics | None,
    ) -> Floats:
        """Return the adapted probabilities of one clip [shape=(classes,)].

        Args:
            features: of the clip, with `feature`
            probabilities: by the unadapted audio model
            statistics: of the speaker; None returns the probabilities as they are

        Raises:
            AvemoError: the statistics are of another space
        """
        values = np.asarray(probabilities, np.float64)
        if statistics is None:
            return values
        return correct(values, self.correction(self.position(features), statistics))

    def correction(self, positions: Floats, statistics: SpeakerStatistics) -> Floats:
        """Return what is added to the log probabilities of clips [shape=(..., classes)].

        Args:
            positions: of the clips in the space [shape=(..., dimensions)]
            statistics: of the speaker

        Raises:
            AvemoError: they are of another space
        """
        adapted, unadapted = self._distances(positions, statistics)
        return np.asarray(self.weight * (unadapted - adapted) / 2)

    def speaker_means(self, statistics: SpeakerStatistics) -> tuple[Floats, Floats]:
        """Return a speaker's class means and their variances [shape=(classes, dimensions)].

        Raises:
            AvemoError: the statistics are of another space
        """
        self.require_own(statistics)
        counts = np.asarray(statistics.class_counts)[:, None]
        sums = np.reshape(statistics.sums, self.class_means.shape) - counts * self.class_means
        # the variance of the mean of a class's clips, less the offset, is class_variance + 1/count
        gains = 1 / (1 + self.class_variance * counts)
        offset_variance = 1 / (1 / self.speaker_variance + (counts * gains).sum(axis=0))
        offset = offset_variance * (gains * sums).sum(axis=0)
        own = self.class_variance * gains * (sums - counts * offset)
        variances = self.class_variance * gains + gains**2 * offset_variance
        return self.class_means + offset + own, variances

    def known_share(self, statistics: SpeakerStatistics) -> float:
        """Return how much of the variance between speakers is known of this one, 0 to 1."""
        _, variances = self.speaker_means(statistics)
        unknown = np.broadcast_to(self._unknown_variance - 1, variances.shape)
        return float(1 - (variances / unknown).mean())

    def position(self, features: Mapping[str, NDArray[Any]]) -> Floats:
        """Return where a clip lies in the space [shape=(dimensions,)]."""
        position: Floats = clip_vector(features[self.feature]) @ self.projection - self.origin
        return position

    def distance(
        self,
        features: Mapping[str, NDArray[Any]],
        probabilities: Sequence[float],
        statistics: SpeakerStatistics,
    ) -> float:
        """Return how far a clip lies from a speaker's statistics, as a percentile, 0 to 100.

        It is of the clips of the training's speakers, which each were compared with their own.

        Args:
            features: as `answer` takes them
            probabilities: as `answer` takes them
            statistics: of the speaker
        """
        percentiles = np.linspace(0, 100, len(self.distances))
        surprise = self.surprise(self.position(features), np.asarray(probabilities), statistics)
        return float(np.interp(surprise, self.distances, percentiles))

    def surprise(
        self, positions: Floats, probabilities: Floats, statistics: SpeakerStatistics
    ) -> Floats:
        """Return how unlikely clips are by a speaker's statistics.

        Args:
            positions: of the clips in the space [shape=(..., dimensions)]
            probabilities: by the unadapted audio model [shape=(..., classes)]
            statistics: of the speaker

        Returns:
            minus the logarithm of their density, but for a constant [shape=(...)]
        """
        _, variances = self.speaker_means(statistics)
        adapted, _ = self._distances(positions, statistics)
        logarithms = -(adapted + np.log1p(variances).sum(axis=1)) / 2
        highest = logarithms.max(axis=-1, keepdims=True)
        density = (probabilities * np.exp(logarithms - highest)).sum(axis=-1)
        return np.asarray(-highest[..., 0] - np.log(np.maximum(density, _MIN_PROBABILITY)))

    def describe(self, statistics: SpeakerStatistics | None) -> str:
        """Return `neutral baseline of 2 clips (27 % of the person known)`, or `none`.

        Without a baseline it is `unlabelled, 14 clips (...)`; the share is `known_share`.
        """
        if statistics is None:
            return "none"
        clips = f"{statistics.clips} clip{'s' * (statistics.clips != 1)}"
        if statistics.neutral_clips == statistics.clips:
            kind = f"neutral baseline of {clips}"
        elif statistics.neutral_clips:
            kind = f"{statistics.neutral_clips} of {clips} neutral, the others unlabelled"
        else:
            kind = f"unlabelled, {clips}"
        return f"{kind} ({100 * self.known_share(statistics):.0f} % of the person known)"

    def require_own(self, statistics: SpeakerStatistics) -> None:
        """Refuse statistics of another adaptation.

        Raises:
            AvemoError: they are
        """
        sizes = len(statistics.class_counts), len(statistics.sums)
        if statistics.space != self.space or sizes != (len(self.classes), self.class_means.size):
            raise AvemoError(
                f"the speaker was enrolled with another version (space {statistics.space}, "
                f"{self.space} is expected): enrol the speaker's clips again with this version"
            )

    @property
    def _unknown_variance(self) -> Floats:
        """Of the clips of one class about its mean, over all speakers [shape=(dimensions,)]."""
        return np.asarray(1 + self.speaker_variance + self.class_variance)

    def _distances(self, positions: Floats, statistics: SpeakerStatistics) -> tuple[Floats, Floats]:
        """Return squared distances to the speaker's and the average class means.

        They are in units of the variance about these means, each [shape=(..., classes)].
        """
        means, variances = self.speaker_means(statistics)
        own = (positions[..., None, :] - means) ** 2 / (1 + variances)
        average = (positions[..., None, :] - self.class_means) ** 2 / self._unknown_variance
        return own.sum(axis=-1), average.sum(axis=-1)


def correct(probabilities: NDArray[np.floating], correction: Floats) -> Floats:
    """Return probabilities times the exponential of a correction, normalised [shape=(classes,)]."""
    logits = np.log(np.maximum(probabilities, _MIN_PROBABILITY, dtype=np.float64)) + correction
    raised = np.exp(logits - logits.max())
    return np.asarray(raised / raised.sum())


def clip_vector(feature: NDArray[Any]) -> Floats:
    """Return one vector of a clip's feature [shape=(columns,)].

    Args:
        feature: rows over time [shape=(rows, columns)]. A feature of one row a clip stays as it is;
            of others, mean and standard deviation over time side by side are returned
    """
    rows = np.asarray(feature, np.float64)
    if len(rows) == 1:
        return np.asarray(rows[0])
    return np.concatenate([rows.mean(axis=0), rows.std(axis=0)])


def _add(first: Sequence[float], second: Sequence[float]) -> tuple[float, ...]:
    return tuple(a + b for a, b in zip(first, second, strict=True))


def _malformed(what: str) -> AvemoError:
    return AvemoError(f"no statistics of a speaker: {what}; enrol the speaker again")


def _count(values: Mapping[str, Any], name: str) -> int:
    value = values[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise _malformed(f"{name} is {value!r}, a whole number is expected")
    return value


def _numbers(values: Mapping[str, Any], name: str) -> tuple[float, ...]:
    value = values[name]
    if not isinstance(value, list) or not value:
        raise _malformed(f"{name} is {type(value).__name__}, a list of numbers is expected")
    for number in value:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise _malformed(f"{name} holds {number!r}, numbers are expected")
        if not math.isfinite(number):
            raise _malformed(f"{name} holds {number!r}, finite numbers are expected")
    return tuple(map(float, value))
