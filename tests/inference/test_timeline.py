"""Timelines of films whose sound and faces change at known times."""

import os
import threading
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from helpers.sounds import encoded
from helpers.timed_films import RATE, tone, write_timed_film
from helpers.tone_model import HIGH_HZ, LOW_HZ, load_tone_model
from numpy.typing import NDArray

from avemo.errors import AvemoError, MediaError
from avemo.inference.recogniser import Recogniser
from avemo.inference.timeline_row import TimelineRow
from avemo.media.sandbox import GrowingFile, Sandbox
from avemo.synthetic import face

pytestmark = pytest.mark.slow

WINDOW, HOP = 1.0, 0.25
#: when the sound starts, and what is heard from when on
START = 0.7
BORDERS = {START: "happy", 3.7: "sad", 6.2: "happy"}
END = 9.0


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    return load_tone_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    return load_tone_model(tmp_path_factory.mktemp("model"), sees=True)


def switching_sound() -> NDArray[np.float32]:
    """Return a low tone, a high one, a low one, as `BORDERS` has them."""
    ends = [*list(BORDERS)[1:], END]
    return np.concatenate(
        [
            tone(end - start, LOW_HZ if emotion == "happy" else HIGH_HZ)
            for (start, emotion), end in zip(BORDERS.items(), ends, strict=True)
        ]
    )


def wall(time: float) -> NDArray[np.uint8]:
    return np.full((96, 128, 3), 110, np.uint8)


#: 30 pictures a second for four seconds, then five
VARIABLE_RATE = [number / 30 for number in range(120)] + [4 + number / 5 for number in range(25)]


@pytest.fixture(scope="module", params=["mp4", "mkv", "webm-live"])
def switching_film(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return write_timed_film(
        tmp_path_factory.mktemp("film") / request.param,
        request.param,
        picture_times=VARIABLE_RATE,
        draw=wall,
        sound=switching_sound(),
        sound_start=START,
    )


def assert_tiled(rows: Sequence[TimelineRow]) -> None:
    assert rows[0].span.start == 0
    for before, after in pairwise(rows):
        assert before.span.end == after.span.start
    for row in rows:
        assert row.span.middle in row.window
        assert bool(row.finding) != bool(row.probabilities)


def test_emotions_change_where_the_sound_does(recogniser: Recogniser, switching_film: Path) -> None:
    rows = list(recogniser.timeline(switching_film, window_s=WINDOW, hop_s=HOP))
    assert_tiled(rows)
    assert float(rows[-1].span.end) == pytest.approx(END, abs=0.1)
    changes = {
        float(after.span.start): after.emotion
        for before, after in pairwise(rows)
        if after.emotion != before.emotion and after.emotion
    }
    for (at, emotion), (expected_at, expected) in zip(
        changes.items(), BORDERS.items(), strict=True
    ):
        assert emotion == expected
        assert at == pytest.approx(expected_at, abs=HOP)


def test_a_film_that_arrives_in_chunks_gives_the_same_rows(
    recogniser: Recogniser, switching_film: Path, tmp_path: Path
) -> None:
    whole_file = list(recogniser.timeline(switching_film, window_s=WINDOW, hop_s=HOP))
    content = switching_film.read_bytes()
    arriving = GrowingFile(tmp_path / "upload")

    def feed() -> None:
        for start in range(0, len(content), 7000):
            arriving.append(content[start : start + 7000])
        arriving.finish()

    threading.Thread(target=feed).start()
    sandbox = Sandbox(1)
    try:
        with sandbox.open(arriving) as job:
            assert list(recogniser.timeline(job.clip, window_s=WINDOW, hop_s=HOP)) == whole_file
    finally:
        sandbox.close()


def test_silence_is_a_row_with_its_reason(recogniser: Recogniser) -> None:
    sound = np.concatenate([tone(2, LOW_HZ), np.zeros(2 * RATE, np.float32), tone(2, HIGH_HZ)])
    rows = list(recogniser.timeline(encoded(sound, RATE), window_s=WINDOW, hop_s=HOP))
    assert_tiled(rows)
    silent = [row for row in rows if row.finding]
    assert {row.finding for row in silent} == {"silent"}
    assert float(silent[0].span.start) == pytest.approx(2.0, abs=2 * HOP)
    assert float(silent[-1].span.end) == pytest.approx(4.0, abs=2 * HOP)
    assert silent[0].reason == "something is heard in 0% of the time" or silent[0].voiced < 0.1


def test_the_first_rows_come_before_the_clip_has_ended(
    recogniser: Recogniser, tmp_path: Path
) -> None:
    content = encoded(np.tile(tone(1, LOW_HZ), 60), RATE, "flac-16")
    arriving = GrowingFile(tmp_path / "upload")
    arriving.append(content[: len(content) * 3 // 4])
    sandbox = Sandbox(1)
    try:
        with sandbox.open(arriving) as job:
            rows = recogniser.timeline(job.clip, window_s=WINDOW, hop_s=HOP)
            assert next(rows).emotion == "happy"
            arriving.append(content[len(content) * 3 // 4 :])
            arriving.finish()
            *_, last = rows
    finally:
        sandbox.close()
    assert float(last.span.end) == pytest.approx(60)


def test_a_pipe_is_read_as_it_comes(recogniser: Recogniser) -> None:
    content = encoded(np.tile(tone(1, LOW_HZ), 30), RATE, "flac-16")
    reading, writing = os.pipe()

    def feed() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(content)

    threading.Thread(target=feed).start()
    with os.fdopen(reading, "rb") as pipe:
        rows = list(recogniser.timeline(pipe, window_s=WINDOW, hop_s=HOP))
    assert rows == list(recogniser.timeline(content, window_s=WINDOW, hop_s=HOP))


def test_rows_survive_json(recogniser: Recogniser) -> None:
    for row in recogniser.timeline(encoded(tone(2.5, LOW_HZ), RATE), window_s=1, hop_s=1 / 3):
        assert TimelineRow.from_dict(row.to_dict()) == row


def test_windows_of_no_length_are_refused(recogniser: Recogniser) -> None:
    with pytest.raises(AvemoError, match="a hop above 0 and at most the length"):
        next(recogniser.timeline(b"", window_s=0))
    with pytest.raises(AvemoError, match="a hop above 0 and at most the length"):
        next(recogniser.timeline(b"", window_s=1, hop_s=2))


def test_what_is_no_media_is_an_error_before_the_first_row(recogniser: Recogniser) -> None:
    with pytest.raises(MediaError, match="is a text, which is not read"):
        next(recogniser.timeline(b"no media at all"))


def heads(
    actors: Sequence[int], openings: Sequence[NDArray[np.float64]]
) -> Iterator[NDArray[np.uint8]]:
    """Yield pictures of drawn heads side by side, RGB."""
    drawn = [
        face.draw_frames(actor, 0, 1.0, opening, seed=20, take=actor)
        for actor, opening in zip(actors, openings, strict=True)
    ]
    for pictures in zip(*drawn, strict=True):
        yield np.ascontiguousarray(np.hstack([picture[::2, ::2, ::-1] for picture in pictures]))


def conversation(file: Path) -> Path:
    """Write a film of two heads: the left one speaks for three seconds, then the right one."""
    rate, count = 30, 180
    times = np.arange(count) / rate
    talking = 0.5 + 0.5 * np.sin(2 * np.pi * 4.3 * times)
    first, second = talking * (times < 3), talking * (times >= 3)
    pictures = list(heads([1, 2], [first, second]))
    return write_timed_film(
        file,
        "mp4-fast",
        picture_times=[float(time) for time in times],
        draw=lambda time: pictures[min(count - 1, round(time * rate))],
        sound=np.concatenate([tone(3.0, LOW_HZ), tone(3.0, HIGH_HZ)]),
    )


def test_of_two_people_the_sound_belongs_to_the_one_whose_mouth_moves(
    seeing: Recogniser, tmp_path: Path
) -> None:
    rows = list(seeing.timeline(conversation(tmp_path / "film"), window_s=1.5, hop_s=0.5))
    tracks = {row.track for row in rows if row.track is not None}
    assert tracks == {0, 1}
    for track in tracks:
        own = [row for row in rows if row.track == track]
        assert_tiled(own)
        centres = {round(sum(row.box[::2]) / 2, 1) for row in own if row.box}
        assert len(centres) <= 2, "a track stays with one person"
    left = min(tracks, key=lambda track: next(r.box[0] for r in rows if r.track == track and r.box))
    for row in rows:
        middle = float(row.span.middle)
        if row.track is None or abs(middle - 3.0) < 0.8:
            continue
        speaks = (row.track == left) == (middle < 3.0)
        assert row.speaking is speaks, row
        assert row.modality == ("fused" if speaks else "visual")
        assert row.reason == ("" if speaks else "the voice is another person's")
        assert row.emotion == (("happy" if middle < 3.0 else "sad") if speaks else "neutral")


def test_somebody_who_leaves_is_missed_and_the_sound_goes_on(
    seeing: Recogniser, tmp_path: Path
) -> None:
    rate, count = 15, 60
    pictures = list(heads([1], [np.zeros(count)]))
    film = write_timed_film(
        tmp_path / "film",
        "mp4-fast",
        picture_times=[number / rate for number in range(count)],
        draw=lambda time: pictures[round(time * rate)] if time < 2 else pictures[0] * 0 + 110,
        sound=np.concatenate([tone(3, LOW_HZ), np.zeros(RATE, np.float32)]),
    )
    rows = list(seeing.timeline(film, window_s=1.0, hop_s=0.5))
    assert_tiled(rows)
    with_face, sound_alone, nothing = rows[0], rows[4], rows[-1]
    assert (with_face.track, with_face.modality, with_face.reason) == (0, "fused", "")
    assert (sound_alone.track, sound_alone.modality) == (None, "audio")
    assert "no face" in sound_alone.reason
    assert (nothing.track, nothing.finding, nothing.probabilities) == (None, "no-face", {})
    assert nothing.window.end - nothing.window.start <= Fraction(1)
