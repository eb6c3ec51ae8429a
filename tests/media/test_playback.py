"""Sound and pictures on one clock, in one pass, whatever the container."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from helpers.timed_films import RATE, tone, write_timed_film
from numpy.typing import NDArray

from avemo.errors import MediaError
from avemo.media.clip import Clip
from avemo.media.playback import Opening, PlayedPicture, PlayedSound

INTERVAL = Fraction(1, 5)


def grey(level: float) -> NDArray[np.uint8]:
    return np.full((48, 64, 3), int(level), np.uint8)


def brightening(time: float) -> NDArray[np.uint8]:
    """Return a picture whose brightness tells its time: 20 at 0 s, 50 more each second."""
    return grey(20 + 50 * time)


def play(
    file: Path, interval: Fraction | None = INTERVAL
) -> tuple[Opening, list[PlayedSound], list[PlayedPicture]]:
    opening, *parts = Clip(file).play(interval)
    assert isinstance(opening, Opening)
    return (
        opening,
        [part for part in parts if isinstance(part, PlayedSound)],
        [part for part in parts if isinstance(part, PlayedPicture)],
    )


def heard_from(sounds: list[PlayedSound]) -> float:
    """Return when the first loud sample is heard, in seconds."""
    for block in sounds:
        loud = np.flatnonzero(np.abs(block.samples) > 0.05)
        if len(loud):
            return float(block.start) + float(loud[0]) / block.sample_rate
    raise AssertionError("nothing is heard")


@pytest.mark.parametrize("container", ["mp4", "mp4-fast", "mkv", "webm-live", "ts"])
def test_pictures_have_the_time_at_which_they_are_shown(container: str, tmp_path: Path) -> None:
    times = [number / 25 for number in range(75)]
    film = write_timed_film(
        tmp_path / "film",
        container,
        picture_times=times,
        draw=brightening,
        sound=tone(3.0, 300),
    )
    opening, sounds, pictures = play(film)
    assert opening == Opening(sound=True, picture=True)
    looked_at = [picture for picture in pictures if picture.image is not None]
    assert 14 <= len(looked_at) <= 17
    for picture in looked_at:
        assert picture.image is not None
        assert picture.image.mean() == pytest.approx(20 + 50 * float(picture.time), abs=4)
    for before, after in pairwise(sounds):
        assert before.end == after.start
    assert float(sounds[-1].end) == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("container", ["mp4", "mkv", "webm-live", "ts"])
def test_a_sound_that_starts_later_is_heard_later(container: str, tmp_path: Path) -> None:
    film = write_timed_film(
        tmp_path / "film",
        container,
        picture_times=[number / 25 for number in range(75)],
        draw=brightening,
        sound=tone(1.5, 300),
        sound_start=1.2,
    )
    _, sounds, pictures = play(film)
    assert heard_from(sounds) == pytest.approx(1.2, abs=0.03)
    assert pictures[0].time == pytest.approx(0, abs=0.05)


def test_a_variable_frame_rate_shifts_nothing(tmp_path: Path) -> None:
    times = [number / 30 for number in range(30)] + [1 + number / 4 for number in range(1, 9)]
    film = write_timed_film(tmp_path / "film", "mkv", picture_times=times, draw=brightening)
    opening, sounds, pictures = play(film)
    assert opening == Opening(sound=False, picture=True)
    assert not sounds
    for picture in pictures:
        if picture.image is not None:
            assert picture.image.mean() == pytest.approx(20 + 50 * float(picture.time), abs=4)
    assert float(pictures[-1].time) == pytest.approx(3.0, abs=0.01)


def test_of_each_interval_the_first_picture_is_looked_at(tmp_path: Path) -> None:
    times = [number / 25 for number in range(50)]
    film = write_timed_film(tmp_path / "film", "mkv", picture_times=times, draw=brightening)
    _, _, pictures = play(film, Fraction(1, 2))
    looked_at = [float(picture.time) for picture in pictures if picture.image is not None]
    assert looked_at == pytest.approx([0, 0.52, 1.0, 1.52], abs=0.041)


def test_sound_alone_is_played_without_a_look_at_the_pictures(tmp_path: Path) -> None:
    film = write_timed_film(
        tmp_path / "film", "mkv", picture_times=[0, 0.5], draw=brightening, sound=tone(1, 300)
    )
    opening, sounds, pictures = play(film, None)
    assert (opening, pictures) == (Opening(sound=True, picture=False), [])
    samples = np.concatenate([block.samples for block in sounds])
    np.testing.assert_allclose(samples, tone(1, 300), atol=1e-4)
    assert sounds[0].sample_rate == RATE


def test_what_is_no_media_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(MediaError, match=r"text\.mp4 is a text"):
        play(tmp_path / "text.mp4")
