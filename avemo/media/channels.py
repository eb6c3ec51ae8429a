"""Which channels of a recording are heard: their mean, or one where they cancel each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["mix", "select_channel"]

#: The mean of n channels that have nothing in common has 1/n of their power. With a quarter of
#: that, they cancel each other, or few of many are heard. (Of two with one silent, it has half.)
_MAX_LOSS = 4
#: a power below, -90 dBFS, is silence
_SILENCE = 1e-9


def select_channel(mean_power: float, channel_powers: NDArray[np.float64]) -> int | None:
    """Return the channel to take in place of the mean; None where the mean loses nothing.

    Args:
        mean_power: of the mean of the channels
        channel_powers: of each [shape=(channels,)]
    """
    loudest = int(np.argmax(channel_powers))
    power = channel_powers[loudest]
    lost = power > _SILENCE and mean_power * _MAX_LOSS * len(channel_powers) < power
    return loudest if lost else None


def mix(block: NDArray[np.float32], channel: int | None) -> NDArray[np.float32]:
    """Return a block as one channel [shape=(samples,)].

    Args:
        block: [shape=(samples, channels)]
        channel: the one to take; None for the mean of all
    """
    if channel is not None or block.shape[1] == 1:
        return block[:, channel or 0]
    mixed: NDArray[np.float32] = block.mean(axis=1)
    return mixed
