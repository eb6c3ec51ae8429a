"""The people in the windows of a timeline: their faces, by the number of their track."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from .. import threads
from ..errors import MediaError
from ..features.arrays import Arrays
from ..media.playback import Opening, Played, PlayedSound
from ..media.span import Span
from .feature_reader import FeatureReader
from .timeline_row import Box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..faces.cut_face import CutFace
    from ..faces.detectors import Face
    from ..faces.settings import Settings
    from ..faces.tracking import FaceTracker

__all__ = ["ObservedPicture", "Observer", "People", "Person"]

#: more people than so many in a picture are a crowd: the largest faces are taken
_MAX_PEOPLE = 8


@dataclass(frozen=True, eq=False)
class ObservedPicture:
    """A picture after its faces were cut out of it.

    Args:
        time: when it is shown, in seconds from the clip's start
        sampled: faces were looked for; other pictures only tell how far the film has come
        faces: each with the number of its track and its box
        brightness: mean of the picture, 0 to 255
        best_score: of the faces that were detected, the highest score; 0 for none
    """

    time: Fraction
    sampled: bool = False
    faces: tuple[tuple[int, CutFace, Box], ...] = ()
    brightness: float = 0.0
    best_score: float = 0.0


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody in the pictures of a window.

    Args:
        track: number of the track
        faces: in order of time
        boxes: of the faces
        pictures: how many pictures of the window were looked at
        quality_error: why the face tells nothing; None where it does
    """

    track: int
    faces: list[CutFace]
    boxes: list[Box]
    pictures: int
    quality_error: MediaError | None

    def stacked(self) -> Arrays:
        """Return the faces as `faces.extract.extract` returns them."""
        from ..faces.cut_face import stack_faces

        return stack_faces(self.faces, self.pictures)

    @property
    def size(self) -> float:
        """The sum of the faces' areas, as shares of the picture."""
        return sum((x_max - x_min) * (y_max - y_min) for x_min, y_min, x_max, y_max in self.boxes)


class Observer:
    """Looks at the pictures of a clip as they are played.

    Args:
        reader: with the face detector
    """

    def __init__(self, reader: FeatureReader) -> None:
        self._reader = reader

    def observe(
        self, played: Iterator[Played]
    ) -> Iterator[Opening | PlayedSound | ObservedPicture]:
        """Yield what is played, with faces in the place of pictures."""
        tracker: FaceTracker | None = None
        with threads.single_threaded():
            for part in played:
                if isinstance(part, Opening | PlayedSound):
                    yield part
                elif part.image is None:
                    yield ObservedPicture(part.time)
                else:
                    if tracker is None:  # a model of sound alone has no code for faces
                        from ..faces.tracking import FaceTracker

                        tracker = FaceTracker()
                    yield self._look(part.time, part.image, tracker)

    def _look(
        self, time: Fraction, image: NDArray[np.uint8], tracker: FaceTracker
    ) -> ObservedPicture:
        from ..faces.cut_face import cut_face

        settings = self._reader.face_settings
        (detected,) = self._reader.detector.detect([image])
        faces = sorted(
            (face for face in detected if face.score >= settings.min_score), key=_area, reverse=True
        )[:_MAX_PEOPLE]
        tracks = tracker.follow(float(time), faces)
        height, width = image.shape[:2]
        cut = (
            (
                track,
                cut_face(image, face, settings, time_s=float(time), n_other_faces=len(faces) - 1),
                _share(face, width, height),
            )
            for track, face in zip(tracks, faces, strict=True)
        )
        return ObservedPicture(
            time=time,
            sampled=True,
            faces=tuple(cut),
            brightness=float(image.mean()),
            best_score=max((face.score for face in detected), default=0.0),
        )


class People:
    """Keeps what was seen from one moment on."""

    def __init__(self) -> None:
        self._pictures: list[ObservedPicture] = []
        self._numbers: dict[int, int] = {}  # of those who have been present, as rows have them
        self._step = Fraction(0)  # how long the last picture is shown, as the ones before it were
        self._last: Fraction | None = None

    @property
    def end(self) -> Fraction:
        """How far the film has come, in seconds."""
        return Fraction(0) if self._last is None else self._last + self._step

    def add(self, picture: ObservedPicture) -> None:
        """Take the next picture."""
        if self._last is not None and picture.time > self._last:
            step = picture.time - self._last
            self._step = min(step, self._step) if self._step else step
        self._last = picture.time if self._last is None else max(self._last, picture.time)
        if picture.sampled:
            self._pictures.append(picture)

    def present(self, window: Span, min_presence: float, settings: Settings) -> list[Person]:
        """Return who is in a window, by the number of the track.

        Who is too far away, too dark or turned away is left out, unless nobody else is there: then
        the largest such face stands for all. Tracks are numbered as people become present, so that
        what was taken for a face in single pictures has no number.

        Args:
            window: not before what `forget` has dropped
            min_presence: in a smaller share of the pictures, a person is not present
            settings: the limits
        """
        pictures = self._in(window)
        seen: dict[int, list[tuple[CutFace, Box]]] = {}
        for picture in pictures:
            for track, face, box in picture.faces:
                seen.setdefault(track, []).append((face, box))
        candidates = []
        for track, appearances in sorted(seen.items()):
            if len(appearances) >= min_presence * len(pictures):
                faces, boxes = map(list, zip(*appearances, strict=True))
                error = _quality_error(faces, settings)
                candidates.append(Person(track, faces, boxes, len(pictures), error))
        people = [person for person in candidates if not person.quality_error]
        if not people and candidates:
            people = [max(candidates, key=lambda person: person.size)]
        numbered = [
            replace(person, track=self._numbers.setdefault(person.track, len(self._numbers)))
            for person in people
        ]
        return sorted(numbered, key=lambda person: person.track)

    def absence(self, window: Span, settings: Settings) -> MediaError:
        """Return why nobody is in a window."""
        pictures = self._in(window)
        if not pictures:
            return MediaError("no-picture", "there is no picture")
        from ..faces.cut_face import no_face_error

        return no_face_error(
            f"no face in most of {len(pictures)} pictures",
            brightness=max(picture.brightness for picture in pictures),
            best_score=max(picture.best_score for picture in pictures),
            settings=settings,
        )

    def speaker(self, people: Sequence[Person], settings: Settings) -> int | None:
        """Return who of several people speaks, see `faces.speaking.find_speaker`."""
        if len(people) < 2:
            return None
        from ..faces.speaking import find_speaker

        return find_speaker({person.track: person.faces for person in people}, settings.margin)

    def forget(self, before: Fraction) -> None:
        """Drop what was seen before a moment."""
        self._pictures = [picture for picture in self._pictures if picture.time >= before]

    def _in(self, window: Span) -> list[ObservedPicture]:
        return [picture for picture in self._pictures if picture.time in window]


def _quality_error(faces: Sequence[CutFace], settings: Settings) -> MediaError | None:
    """Return why faces tell nothing; None where they do."""
    from ..faces.cut_face import check_quality

    try:
        check_quality(faces, settings)
    except MediaError as error:
        return error
    return None


def _area(face: Face) -> float:
    x_min, y_min, x_max, y_max = map(float, face.box)
    return (x_max - x_min) * (y_max - y_min)


def _share(face: Face, width: int, height: int) -> Box:
    x_min, y_min, x_max, y_max = map(float, face.box)
    return (x_min / width, y_min / height, x_max / width, y_max / height)
