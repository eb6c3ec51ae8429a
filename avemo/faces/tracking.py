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

__all__ = ["TrackedFace", "track_main_face"]

_MAX_GAP_S = 1.0  # nobody knows what a face did in a longer time

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
        continued = list(_continue_tracks(tracks, faces))
        for track, face in continued:
            track[index] = face
        known = [face for _, face in continued]
        tracks += [{index: face} for face in faces if not any(face is other for other in known)]
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


def _continue_tracks(tracks: list[Track], faces: Sequence[Face]) -> Iterator[tuple[Track, Face]]:
    """Yield the tracks that go on, each with its next face; the nearest pairs first."""
    distance = _size_ratio if len(tracks) == len(faces) == 1 else _distance
    pairs = [
        (apart, track_number, face_number)
        for track_number, track in enumerate(tracks)
        for face_number, face in enumerate(faces)
        if (apart := distance(track[max(track)], face)) < 1
    ]
    paired_tracks: set[int] = set()
    paired_faces: set[int] = set()
    for _, track_number, face_number in sorted(pairs):
        if track_number not in paired_tracks and face_number not in paired_faces:
            paired_tracks.add(track_number)
            paired_faces.add(face_number)
            yield tracks[track_number], faces[face_number]


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
