"""One person followed through a clip that may show several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from .detectors import Face

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["FaceTracker", "TrackedFace", "match_faces", "track_main_face"]

_MAX_GAP_S = 1.0  # nobody knows what a face did in a longer time
_FORGOTTEN_S = 2.0  # whoever is at the same place after a longer time may be somebody else

#: the faces of one person, by the frame's index
Track = dict[int, Face]


@dataclass(frozen=True, eq=False)
class TrackedFace:
    """The followed person in one frame.

    Args:
        frame_index: of the frame
        face: as it was detected, or interpolated
        n_other_faces: how many other faces are in the frame
        interpolated: the detector missed the face, which is put between its neighbours
    """

    frame_index: int
    face: Face
    n_other_faces: int
    interpolated: bool = False


def track_main_face(
    times_s: Sequence[float], frames: Sequence[Sequence[Face]], max_gap_frames: int
) -> list[TrackedFace]:
    """Return the largest steady face: of the person whose faces' sides have the largest sum.

    So a person who fills the picture only in passing is not followed. A face is the same person's
    as in the frame before if it overlaps, or nearly, and is about as large; as long as only one
    person has appeared, however far it has moved.

    Args:
        times_s: of the frames, in seconds
        frames: the faces in each
        max_gap_frames: a face that is missing in at most so many frames, for at most a second, and
            comes back at the same place, is interpolated

    Returns:
        in order of time; empty if there is no face
    """
    tracks: list[Track] = []
    for index, faces in enumerate(frames):
        continued = dict(match_faces([track[max(track)] for track in tracks], faces))
        for track_number, face_number in continued.items():
            tracks[track_number][index] = faces[face_number]
        known = set(continued.values())
        tracks += [{index: face} for number, face in enumerate(faces) if number not in known]
    if not tracks:
        return []
    main = max(tracks, key=lambda track: sum(_side(face) for face in track.values()))
    detected = [TrackedFace(index, face, len(frames[index]) - 1) for index, face in main.items()]
    interpolated = [
        TrackedFace(index, _interpolate(before, after, index), len(frames[index]), True)
        for before, after in pairwise(detected)
        if _is_bridgeable(before, after, times_s, max_gap_frames)
        for index in range(before.frame_index + 1, after.frame_index)
    ]
    return sorted([*detected, *interpolated], key=lambda tracked: tracked.frame_index)


class FaceTracker:
    """Everybody in a film, followed from frame to frame as they come.

    Who is not seen for two seconds gets a new number afterwards.
    """

    def __init__(self) -> None:
        self._last: dict[int, tuple[float, Face]] = {}
        self._count = 0

    def follow(self, time_s: float, faces: Sequence[Face]) -> list[int]:
        """Return the number of each face's track, from 0 in the order of appearance.

        Args:
            time_s: of the frame, in seconds; not before the frame before
            faces: in the frame
        """
        self._last = {
            number: (seen_s, face)
            for number, (seen_s, face) in self._last.items()
            if time_s - seen_s <= _FORGOTTEN_S
        }
        numbers = list(self._last)
        previous = [face for _, face in self._last.values()]
        track_numbers = {after: numbers[before] for before, after in match_faces(previous, faces)}
        for index, face in enumerate(faces):
            if index not in track_numbers:
                track_numbers[index] = self._count
                self._count += 1
            self._last[track_numbers[index]] = (time_s, face)
        return [track_numbers[index] for index in range(len(faces))]


def match_faces(previous: Sequence[Face], faces: Sequence[Face]) -> Iterator[tuple[int, int]]:
    """Yield which face is the same person's as which before; the nearest pairs first.

    Args:
        previous: the last face of each person
        faces: of the next frame

    Yields:
        the number of the previous face, and that of the next
    """
    distance = _size_ratio if len(previous) == len(faces) == 1 else _distance
    pairs = [
        (apart, before, after)
        for before, face_before in enumerate(previous)
        for after, face in enumerate(faces)
        if (apart := distance(face_before, face)) < 1
    ]
    paired_before: set[int] = set()
    paired_after: set[int] = set()
    for _, before, after in sorted(pairs):
        if before not in paired_before and after not in paired_after:
            paired_before.add(before)
            paired_after.add(after)
            yield before, after


def _is_bridgeable(
    before: TrackedFace, after: TrackedFace, times_s: Sequence[float], max_gap_frames: int
) -> bool:
    gap_s = times_s[after.frame_index] - times_s[before.frame_index]
    gap = after.frame_index - before.frame_index - 1
    return gap_s <= _MAX_GAP_S and gap <= max_gap_frames and _distance(before.face, after.face) < 1


def _interpolate(before: TrackedFace, after: TrackedFace, frame_index: int) -> Face:
    """Return the face in a frame between two."""
    share = (frame_index - before.frame_index) / (after.frame_index - before.frame_index)
    first, last = before.face, after.face
    return Face(
        first.box + share * (last.box - first.box),
        first.landmarks + share * (last.landmarks - first.landmarks),
        min(first.score, last.score),
    )


def _distance(first: Face, second: Face) -> float:
    """Return how unlike two faces are: 1 is their own side away, or twice as large."""
    import numpy as np

    shift = np.hypot(*(_centre(first) - _centre(second)))
    return float(shift * 2 / (_side(first) + _side(second)) + _size_ratio(first, second))


def _size_ratio(first: Face, second: Face) -> float:
    """Return how unlike two faces are in size: 1 is twice as large."""
    import numpy as np

    return float(abs(np.log2(_side(first) / _side(second))))


def _side(face: Face) -> float:
    """Return the side of a square as large as the face's box, in pixels."""
    x_min, y_min, x_max, y_max = map(float, face.box)
    return float(max(1.0, (x_max - x_min) * (y_max - y_min)) ** 0.5)


def _centre(face: Face) -> NDArray[np.floating]:
    return (face.box[:2] + face.box[2:]) / 2
