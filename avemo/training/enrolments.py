"""Draws of clips that a speaker is enrolled with, of every mix of emotions that may come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..models.adaptation import Adaptation, Floats, SpeakerStatistics
from ..models.speaker_space import LabelledClips

__all__ = ["ALL_OTHERS", "SIZES", "Enrolment", "draw_enrolments", "statistics_of"]

#: by mix, how many clips are drawn. neutral: known to be; all others are not labelled. even: of
#: each emotion in turn; skewed: by shares of the emotions that are drawn from Dirichlet(0.3);
#: quiet: neutral or calm; single: of one emotion that is not neutral
SIZES = {
    "neutral": (1, 2),
    "even": (1, 2, 5, 10, 20),
    "skewed": (1, 2, 5, 10, 20),
    "quiet": (1, 2, 5, 10),
    "single": (1, 2, 5),
}
#: a case beside those of `SIZES`: each clip is predicted by all others of its speaker, unlabelled
ALL_OTHERS = "all others"
_CONCENTRATION = 0.3
_QUIET = ("neutral", "calm")


@dataclass(frozen=True)
class Enrolment:
    """One draw.

    Args:
        case: a mix and how many clips, such as `even 20`; or `all others`
        neutral: the clips are known to be neutral
        enrolled: which clips [shape=(count,)]
        predicted: the speaker's other clips
    """

    case: str
    neutral: bool
    enrolled: NDArray[np.integer]
    predicted: NDArray[np.integer]


def draw_enrolments(
    clips: LabelledClips, classes: Sequence[str], draws: int, seed: int
) -> Iterator[Enrolment]:
    """Yield draws for each speaker; a clip is never predicted by its own statistics.

    Args:
        clips: of which speakers are enrolled
        classes: the emotions, in the order of the codes
        draws: of each mix and size, for each speaker. A mix is left out where the speaker has not
            as many such clips and one more
        seed: a speaker's draws depend on it and on their name alone
    """
    for speaker in sorted(set(clips.speakers)):
        own = np.flatnonzero(clips.speakers == speaker)
        random = np.random.default_rng([seed, *str(speaker).encode()])
        for mix, sizes in SIZES.items():
            for size in sizes:
                for _ in range(draws):
                    drawn = _draw(mix, size, clips.labels[own], classes, random)
                    if drawn is not None:
                        enrolled = own[drawn]
                        others = np.setdiff1d(own, enrolled)
                        yield Enrolment(f"{mix} {size}", mix == "neutral", enrolled, others)
        if len(own) > 1:
            for clip in own:
                yield Enrolment(ALL_OTHERS, False, own[own != clip], np.array([clip]))


def statistics_of(
    adaptation: Adaptation, positions: Floats, probabilities: Floats, *, neutral: bool = False
) -> SpeakerStatistics:
    """Return the statistics of some clips, as `Adaptation.observe` would sum them up.

    Args:
        adaptation: whose space it is
        positions: of the clips in it [shape=(clips, dimensions)]
        probabilities: by the unadapted model [shape=(clips, classes)]
        neutral: they are known to be neutral
    """
    count = len(positions)
    weights = adaptation.trust * probabilities
    if neutral:
        weights = np.tile([float(name == "neutral") for name in adaptation.classes], (count, 1))
    return SpeakerStatistics(
        adaptation.space,
        count,
        count * neutral,
        tuple(weights.sum(axis=0).tolist()),
        tuple((weights.T @ positions).ravel().tolist()),
    )


def _draw(
    mix: str,
    size: int,
    labels: NDArray[np.integer],
    classes: Sequence[str],
    random: np.random.Generator,
) -> NDArray[np.integer] | None:
    """Return which clips of a speaker are drawn; None where there are too few."""
    shuffled = random.permutation(len(labels))
    if mix == "even":
        order = random.permutation(len(classes))
        rank = np.array(
            [np.sum(labels[shuffled[:at]] == labels[clip]) for at, clip in enumerate(shuffled)]
        )
        candidates = shuffled[np.lexsort((order[labels[shuffled]], rank))]
    elif mix == "skewed":
        shares = random.dirichlet(np.full(len(classes), _CONCENTRATION)) + 1e-6
        # without replacement, in proportion to the shares (Efraimidis and Spirakis 2006)
        waits = random.exponential(size=len(labels)) / shares[labels]
        candidates = np.argsort(waits)
    else:
        codes = [code for code, name in enumerate(classes) if name in _QUIET]
        if mix == "neutral":
            codes = [code for code in codes if classes[code] == "neutral"]
        if mix == "single":
            codes = [int(random.choice([c for c, name in enumerate(classes) if name != "neutral"]))]
        candidates = shuffled[np.isin(labels[shuffled], codes)]
    return candidates[:size] if len(candidates) > size else None
