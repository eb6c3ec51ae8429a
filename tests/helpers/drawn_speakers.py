"""Clips of drawn speakers, who differ by an offset and by what is their own in each class."""

import numpy as np

from avemo.models.speaker_space import LabelledClips

__all__ = ["CLASSES", "draw_clips"]

CLASSES = ("neutral", "calm", "angry")


def draw_clips(
    speakers: int = 12, each: int = 4, offset: float = 3.0, seed: int = 1
) -> LabelledClips:
    """Return clips in four columns, of which two tell classes apart.

    Args:
        speakers: how many
        each: clips of each speaker and class
        offset: standard deviation of the speakers' offsets; that of clips is 1
        seed: of the draws
    """
    random = np.random.default_rng(seed)
    names, labels = np.divmod(np.arange(speakers * len(CLASSES) * each) // each, len(CLASSES))
    means = np.array([[0.0, 0, 0, 0], [2, 0, 0, 0], [0, 3, 0, 0]])
    offsets = random.normal(scale=offset, size=(speakers, 4))
    vectors = means[labels] + offsets[names] + random.normal(size=(len(names), 4))
    # a model that knows the classes' means, and no speaker
    distances = ((vectors[:, None] - means) ** 2).sum(axis=2) / (1 + offset**2)
    probabilities = np.exp(-distances / 2)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return LabelledClips(
        vectors.astype(np.float32),
        labels,
        np.array([f"s{name:02d}" for name in names]),
        names % 4,
        probabilities,
    )
