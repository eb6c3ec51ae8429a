"""One person followed through a clip that may show several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from .detectors import Face

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Seen", "follow"]

_LONGEST_S = 1.0  # between two sightings; what a face did in more time nobody knows


@dataclass(frozen=True, eq=False)
class Seen:
    """The followed person in one frame.

    Args:
        frame: which
        face: as it was detected, or between its neighbours
        others: how many other faces are in the frame
        bridged: the detector missed it
    """

    frame: int
    face: Face
    others: int
    bridged: bool = False


def follow(times: Sequence[float], frames: Sequence[Sequence[Face]], bridge: int) -> list[Seen]:
    """The largest steady face: of all persons the one whose sides add up to most, over the frames.

    So who fills the picture for a moment in passing is not followed. A face is the same person's
    as in the frame before where it overlaps, or nearly, and is about as large; as long as nobody
    else has been seen, however far it has moved.

    Args:
        times: of the frames, in seconds
        frames: the faces in each
        bridge: where the face is missing in at most so many frames, for at most a second, and
            comes back at the same place, it is put between where it was and where it is

    Returns:
        in order of time; none where there is no face
    """
    tracks: list[dict[int, Face]] = []  # by frame
    for at, faces in enumerate(frames):
        old = list(_continued(tracks, faces))
        for track, face in old:
            track[at] = face
        known = [face for _, face in old]
        tracks += [{at: face} for face in faces if not any(face is one for one in known)]
    if not tracks:
        return []
    track = max(tracks, key=lambda one: sum(_side(face) for face in one.values()))
    seen = [Seen(at, face, len(frames[at]) - 1) for at, face in track.items()]
    for first, last in pairwise(list(seen)):
        close = times[last.frame] - times[first.frame] <= _LONGEST_S
        if close and last.frame - first.frame <= bridge + 1 and _apart(first.face, last.face) < 1:
            between = range(first.frame + 1, last.frame)
            seen += [Seen(at, _between(first, last, at), len(frames[at]), True) for at in between]
    return sorted(seen, key=lambda one: one.frame)


def _continued(
    tracks: list[dict[int, Face]], faces: Sequence[Face]
) -> Iterator[tuple[dict[int, Face], Face]]:
    """The tracks that go on, each with the face that it goes on with; the nearest pairs first."""
    alone = len(tracks) == len(faces) == 1
    pairs = []
    for number, track in enumerate(tracks):
        last = track[max(track)]
        for place, face in enumerate(faces):
            apart = _grown(last, face) if alone else _apart(last, face)
            if apart < 1:
                pairs.append((apart, number, place))
    taken: set[tuple[str, int]] = set()
    for _, number, place in sorted(pairs):
        if taken.isdisjoint({("track", number), ("face", place)}):
            taken |= {("track", number), ("face", place)}
            yield tracks[number], faces[place]


def _apart(one: Face, other: Face) -> float:
    """How unlike two faces are in place and size: 1 is their own side away, or twice as large."""
    import numpy as np

    way = np.hypot(*(_centre(one) - _centre(other)))
    return float(way * 2 / (_side(one) + _side(other)) + _grown(one, other))


def _grown(one: Face, other: Face) -> float:
    """How unlike two faces are in size: 1 is twice as large."""
    import numpy as np

    return float(abs(np.log2(_side(one) / _side(other))))


def _side(face: Face) -> float:
    """Of a square as large as its box."""
    left, top, right, bottom = map(float, face.box)
    return float(max(1.0, (right - left) * (bottom - top)) ** 0.5)


def _centre(face: Face) -> np.ndarray:
    centre: np.ndarray = (face.box[:2] + face.box[2:]) / 2
    return centre


def _between(first: Seen, last: Seen, frame: int) -> Face:
    """The face in a frame between two."""
    share = (frame - first.frame) / (last.frame - first.frame)
    one, other = first.face, last.face
    return Face(
        one.box + share * (other.box - one.box),
        one.points + share * (other.points - one.points),
        min(one.score, other.score),
    )
