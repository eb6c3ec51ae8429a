"""A recording as a value."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .container import describe_source
from .frames import Frame, read_frames
from .probe import Probe, probe
from .sound import read_sound

__all__ = ["Clip"]


@dataclass(frozen=True, init=False, repr=False)
class Clip:
    """An audio or video file, or the content of one, in any format that FFmpeg decodes.

    Nothing is opened before a method is called, and each method opens the file anew.

    Args:
        source: the file's path, or its content

    Examples:
        >>> clip = Clip("speech.wav")
        >>> clip.probe().duration_s
        2.0
        >>> clip.sound(8000).shape
        (16000,)
    """

    source: Path | bytes

    def __init__(self, source: Path | str | bytes) -> None:
        object.__setattr__(self, "source", Path(source) if isinstance(source, str) else source)

    def __repr__(self) -> str:
        return f"Clip({describe_source(self.source)})"

    def probe(self) -> Probe:
        """Return duration, streams and levels, measured.

        Raises:
            MediaError: `unreadable`
        """
        return probe(self.source)

    def sound(self, sample_rate: int = 16000) -> NDArray[np.float32]:
        """Return the sound as one channel, float32 in [-1, 1] [shape=(samples,)].

        Args:
            sample_rate: in Hz

        Raises:
            MediaError: `no-sound`, `unreadable`
        """
        return read_sound(self.source, sample_rate)

    def frames(self, count: int) -> list[Frame]:
        """Return frames spread evenly over the clip; all of them in a clip of fewer.

        Args:
            count: how many, at least 1; each takes up to 5 MB

        Raises:
            MediaError: `no-picture`, `unreadable`
        """
        return list(read_frames(self.source, count))
