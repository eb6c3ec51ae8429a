"""What a model predicts over the time of a clip: windows that slide over it, in one pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ..errors import MediaError
from ..features.arrays import Arrays
from ..media.clip import Clip
from ..media.playback import Opening, PlayedSound
from ..media.prefetch import prefetch
from ..media.span import Span, Windows
from ..modalities import Modality
from ..models.bundle import Bundle
from .certainty import describe_certainty
from .feature_reader import FeatureReader
from .timeline_pictures import ObservedPicture, Observer, People, Person
from .timeline_row import Box, TimelineRow
from .timeline_sound import SoundBuffer
from .timeline_speakers import Adapted, Speakers

__all__ = ["read_timeline"]

#: blocks of sound and pictures that wait, decoded, for the networks
_AHEAD = 8
#: sound and picture of a file may lie apart by so many seconds; what comes later is left out
_MAX_LAG_S = 15
#: with less to hear, there is no sound to predict from: a share of the window
_MIN_VOICED = 0.1
#: who is in a smaller share of the pictures is passing by, or no face at all
_MIN_PRESENCE = 1 / 3


def read_timeline(
    clip: Clip,
    bundle: Bundle,
    reader: FeatureReader,
    windows: Windows,
    speakers: Speakers | None = None,
) -> Iterator[TimelineRow]:
    """Yield what a model predicts for each window of a clip, as soon as the window is complete.

    The clip is read once, from its start to its end, in memory that does not grow with it. Times
    are presentation time stamps. With several faces, the fused prediction belongs to the one that
    speaks, see `faces.speaking`; where that is not known, there is a row for the sound alone.

    Args:
        clip: an open one
        bundle: the model
        reader: of the features that it takes
        windows: their length and hop
        speakers: adapt the rows; None leaves them unadapted

    Yields:
        rows in order of time; those of one window begin with the sound alone, if there is such a
        row, and go on by the number of the track

    Raises:
        MediaError: there is neither sound nor picture that can be read
        GraphError: a network cannot be run here
    """
    timeline = _Timeline(bundle, reader, windows, speakers)
    interval = windows.length / reader.face_settings.frames if reader.has_visual else None
    observer = Observer(reader)
    # one thread decodes, one looks for faces, and this one runs the networks
    with (
        prefetch(clip.play(interval), _AHEAD) as played,
        prefetch(observer.observe(played), _AHEAD) as parts,
    ):
        try:
            for part in parts:
                yield from timeline.add(part)
        except MediaError as error:
            if not timeline.begun:
                raise
            yield from timeline.finish(error)
            return
    if not timeline.begun:
        raise MediaError("unreadable", "nothing of the clip could be decoded")
    yield from timeline.finish()


@dataclass(frozen=True)
class _RowInputs:
    """What one row is predicted from, and whose it is."""

    features: Arrays
    modality: Modality | None
    person: Person | None = None
    speaking: bool | None = None
    finding: str = ""
    reason: str = ""
    is_one_voice: bool = True  # not where nobody knows which of several people speaks


class _Timeline:
    """Collects sound and faces, and turns each window that is complete into rows."""

    def __init__(
        self, bundle: Bundle, reader: FeatureReader, windows: Windows, speakers: Speakers | None
    ) -> None:
        self._bundle = bundle
        self._speakers = speakers
        self._reader = reader
        self._windows = windows
        self._sound = SoundBuffer(reader.sample_rates, reader.voiced_db)
        self._people = People()
        self._opening = Opening(sound=False, picture=False)
        self._index = 0  # of the next window
        self._from = Fraction(0)  # where the next row begins
        self.begun = False

    def add(self, part: Opening | PlayedSound | ObservedPicture) -> Iterator[TimelineRow]:
        """Take the next part of the clip, and yield the rows that it completes."""
        if isinstance(part, Opening):
            self._opening = part
            return
        self.begun = True
        if isinstance(part, PlayedSound):
            self._sound.add(part)
        else:
            self._people.add(part)
        # the last window ends with the clip, whose end is not known before it is there
        while self._reached() > self._windows.window(self._index).end:
            yield from self._complete(self._windows.border(self._index))

    def finish(self, error: MediaError | None = None) -> Iterator[TimelineRow]:
        """Yield the remaining rows, once the clip has ended.

        Args:
            error: that ended it
        """
        self._sound.finish()
        duration = max(self._sound.end, self._people.end)
        for _, cell in islice(self._windows.cells(duration), self._index, None):
            yield from self._complete(cell.end)
        if error:
            at_end = Span(duration, duration)
            yield TimelineRow(at_end, at_end, finding=error.finding, reason=str(error))

    def _reached(self) -> Fraction:
        """Return up to where sound and picture have come."""
        ends = []
        if self._opening.sound:
            ends.append(self._sound.end)
        if self._opening.picture:
            ends.append(self._people.end)
        return max(min(ends), max(ends) - _MAX_LAG_S)

    def _complete(self, end: Fraction) -> Iterator[TimelineRow]:
        """Yield the rows of the next window, and drop what later ones do not need."""
        last = max(self._sound.end, self._people.end)
        window = self._windows.window(self._index)
        window = Span(window.start, min(window.end, last))
        span = Span(self._from, end)
        self._index, self._from = self._index + 1, end
        yield from self._rows(span, window)
        start = self._windows.window(self._index).start
        self._sound.forget(start)
        self._people.forget(start)

    def _rows(self, span: Span, window: Span) -> list[TimelineRow]:
        voiced = self._sound.voiced_share(window)
        row_inputs = self._row_inputs(window, voiced)
        predicted = [inputs for inputs in row_inputs if not inputs.finding]
        probabilities: Iterator[NDArray[np.float32]] = iter(
            self._bundle.probabilities_of([inputs.features for inputs in predicted])
            if predicted
            else ()
        )
        config, rows = self._bundle.config, []
        for inputs in row_inputs:
            by_emotion: dict[str, float] = {}
            adapted = Adapted()
            if not inputs.finding:
                unadapted, adapted = next(probabilities), self._adapt(inputs, window)
                values = unadapted if adapted.probabilities is None else adapted.probabilities
                by_emotion = dict(zip(config.classes, map(float, values), strict=True))
            certainty = describe_certainty(by_emotion, config)
            rows.append(
                TimelineRow(
                    span=span,
                    window=window,
                    track=None if inputs.person is None else inputs.person.track,
                    probabilities=by_emotion,
                    modality=inputs.modality,
                    speaking=inputs.speaking,
                    unsure=certainty.unsure,
                    emotions=certainty.emotions,
                    box=None if inputs.person is None else _box(inputs.person, window),
                    voiced=voiced,
                    finding=inputs.finding,
                    reason="; ".join(filter(None, (inputs.reason, adapted.reason))),
                    adaptation=adapted.adaptation,
                )
            )
        return rows

    def _adapt(self, inputs: _RowInputs, window: Span) -> Adapted:
        """Return a row's adapted probabilities; none where there is no voice of a known person."""
        has_voice = inputs.modality in ("audio", "fused") and inputs.is_one_voice
        if self._speakers is None or not has_voice:
            return Adapted()
        track = None if inputs.person is None else inputs.person.track
        return self._speakers.answer(track, inputs.features, window)

    def _row_inputs(self, window: Span, voiced: float) -> list[_RowInputs]:
        """Return what the rows of a window are predicted from."""
        sound, sound_error = self._sound_features(window, voiced)
        if not self._reader.has_visual:
            return [_inputs_of_sound(sound, sound_error)]
        people = self._people.present(window, _MIN_PRESENCE, self._reader.face_settings)
        if not people:
            return [
                _inputs_of_sound(sound, self._people.absence(window, self._reader.face_settings))
            ]
        speaker = self._people.speaker(people, self._reader.face_settings) if sound else None
        alone = len(people) == 1
        reason_unknown = f"which of the {len(people)} people speaks is not known"
        row_inputs = []
        for person in people:
            own_sound = sound if alone or person.track == speaker else {}
            speaking = None if alone or speaker is None else person.track == speaker
            reason = str(sound_error or "")  # why this face's row is without the sound
            if sound and not own_sound:
                reason = reason_unknown if speaker is None else "the voice is another person's"
            row_inputs.append(self._inputs_of_person(person, own_sound, reason, speaking))
        if sound and not alone and speaker is None:
            row_inputs.insert(
                0, _RowInputs(sound, "audio", reason=reason_unknown, is_one_voice=False)
            )
        return row_inputs

    def _inputs_of_person(
        self, person: Person, sound: Arrays, reason: str, speaking: bool | None
    ) -> _RowInputs:
        if person.quality_error:
            return _inputs_of_sound(sound, person.quality_error, person, speaking)
        faces = self._reader.from_faces(person.stacked())
        if sound:
            return _RowInputs(sound | faces, "fused", person, speaking)
        return _RowInputs(faces, "visual", person, speaking, reason=reason)

    def _sound_features(self, window: Span, voiced: float) -> tuple[Arrays, MediaError | None]:
        """Return the features of a window's sound; none, and the reason, where there are none."""
        if not self._reader.sample_rates:
            return {}, None
        if not self._opening.sound:
            return {}, MediaError("no-sound", "the clip has no sound")
        if voiced < _MIN_VOICED:
            return {}, MediaError("silent", f"something is heard in {voiced:.0%} of the time")
        try:
            return self._reader.from_sound(lambda rate: self._sound.read(window, rate)), None
        except MediaError as error:
            return {}, error


def _inputs_of_sound(
    sound: Arrays,
    error: MediaError | None,
    person: Person | None = None,
    speaking: bool | None = None,
) -> _RowInputs:
    """Return the inputs of a row without a face: the sound, or nothing; `error` says why."""
    if sound:
        return _RowInputs(sound, "audio", person, speaking, reason=str(error) if error else "")
    assert error, "where there is no sound, an error says why"
    return _RowInputs({}, None, person, speaking, error.finding, str(error))


def _box(person: Person, window: Span) -> Box:
    """Return a person's face in the middle of a window."""
    middle = float(window.middle)
    nearest = min(range(len(person.faces)), key=lambda i: abs(person.faces[i].time_s - middle))
    return person.boxes[nearest]
