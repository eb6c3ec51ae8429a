"""A span of time as an immutable value, with exact fractions of seconds.

Source:
    after `pyannote.core.Segment`: H. Bredin et al.: pyannote.audio: neural building blocks for
    speaker diarization. ICASSP 2020
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Span", "Windows"]


@dataclass(frozen=True, order=True)
class Span:
    """The time from `start` up to `end`, which does not belong to it any more.

    Args:
        start: in seconds
        end: in seconds, at least `start`

    Raises:
        ValueError: it would end before it starts

    Examples:
        >>> Span(Fraction(0), Fraction(3)) & Span(Fraction(2), Fraction(5))
        Span(2, 3)
        >>> Span(Fraction(0), Fraction(1)).overlaps(Span(Fraction(1), Fraction(2)))
        False
    """

    start: Fraction
    end: Fraction

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"a span from {self.start} to {self.end} would end before it starts")

    def __repr__(self) -> str:
        return f"Span({self.start}, {self.end})"

    def __bool__(self) -> bool:
        return self.end > self.start

    def __contains__(self, moment: Fraction) -> bool:
        return self.start <= moment < self.end

    def __and__(self, other: Span) -> Span:
        """Return what both have in common; an empty span where that is nothing."""
        start = max(self.start, other.start)
        return Span(start, max(start, min(self.end, other.end)))

    def __or__(self, other: Span) -> Span:
        """Return the shortest span that holds both."""
        return Span(min(self.start, other.start), max(self.end, other.end))

    @property
    def duration(self) -> Fraction:
        """In seconds."""
        return self.end - self.start

    @property
    def middle(self) -> Fraction:
        """The moment halfway between start and end."""
        return (self.start + self.end) / 2

    def overlaps(self, other: Span) -> bool:
        """Return whether both have some time in common."""
        return bool(self & other)


@dataclass(frozen=True)
class Windows:
    """Windows of one length that slide over a clip by equal steps.

    Args:
        length: of a window, in seconds, above 0
        hop: from the start of a window to that of the next, in seconds, above 0 and at most
            `length`

    Raises:
        ValueError: a length or hop that leaves time out
    """

    length: Fraction
    hop: Fraction

    def __post_init__(self) -> None:
        if not 0 < self.hop <= self.length:
            raise ValueError(
                f"windows of {float(self.length):g} s every {float(self.hop):g} s: expected is a"
                " hop above 0 and at most the length"
            )

    def window(self, index: int) -> Span:
        """Return a window by its number, from 0."""
        return Span(index * self.hop, index * self.hop + self.length)

    def cells(self, duration: Fraction) -> Iterator[tuple[Span, Span]]:
        """Yield each window over a clip, and the part of the clip that it stands for.

        These parts follow each other without gaps. Each is one hop long and has the middle of its
        window; the first begins and the last ends with the clip.

        Args:
            duration: the clip's, in seconds
        """
        index, start = 0, Fraction(0)
        while start < duration:
            window, is_last = self.window(index), self.is_last(index, duration)
            end = duration if is_last else self.border(index)
            yield window & Span(Fraction(0), duration), Span(start, end)
            index, start = index + 1, end

    def border(self, index: int) -> Fraction:
        """Return where the part that a window stands for ends, unless it is the last."""
        return self.window(index).middle + self.hop / 2

    def is_last(self, index: int, duration: Fraction) -> bool:
        """Return whether no window follows in a clip of this duration."""
        return self.window(index).end >= duration
