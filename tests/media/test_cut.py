"""Parts of films: their pictures in time, with their sound."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.timed_films import RATE, tone, write_timed_film
from numpy.typing import NDArray

from avemo.errors import MediaError
from avemo.media.clip import Clip
from avemo.media.cut import Part, cut

TIMES = [number / 10 for number in range(30)]


def grey(time_s: float) -> NDArray[np.uint8]:
    """A picture whose brightness says when it is shown."""
    return np.full((64, 96, 3), round(20 + 70 * time_s), np.uint8)


def half_white(time_s: float) -> NDArray[np.uint8]:
    """A picture that is white at its left."""
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:, :32] = 255
    return picture


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_a_part_shows_and_sounds_what_the_film_does_then(tmp_path: Path, container: str) -> None:
    sound = tone(3.0, 200) * np.linspace(0, 1, 3 * RATE, dtype=np.float32)
    film = write_timed_film(
        tmp_path / "film", container, picture_times=TIMES, draw=grey, sound=sound
    )
    parts = [Part(1.0, 2.0, tmp_path / "a"), Part(1.5, None, tmp_path / "b")]
    files = cut(film, parts)
    assert files == [tmp_path / "a.mkv", tmp_path / "b.mkv"]
    entire = Clip(film)
    for file, part in zip(files, parts, strict=True):
        assert isinstance(file, Path)
        clip = Clip(file)
        end_s = part.end_s or 3.0
        assert clip.probe().duration_s == pytest.approx(end_s - part.start_s, abs=0.12)
        frames = clip.frames(100)
        shown = [time for time in TIMES if part.start_s <= time < end_s]
        assert [frame.time_s for frame in frames] == pytest.approx(
            [time - part.start_s for time in shown], abs=0.02
        )
        brightness = [float(frame.image.mean()) for frame in frames]
        assert brightness == pytest.approx([20 + 70 * time for time in shown], abs=4)
        whole = entire.sound(RATE)[round(part.start_s * RATE) : round(end_s * RATE)]
        heard = clip.sound(RATE)[: len(whole)]
        np.testing.assert_allclose(heard, whole[: len(heard)], atol=1e-3)
        assert len(heard) > 0.97 * len(whole)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.mkv", "b.mkv", "film"]


def test_a_film_without_sound(tmp_path: Path) -> None:
    film = write_timed_film(tmp_path / "film", "mp4", picture_times=TIMES, draw=grey)
    (file,) = cut(film, [Part(0.5, 1.0, tmp_path / "a")])
    assert isinstance(file, Path)
    probed = Clip(file).probe()
    assert (probed.frames, probed.has_audio_stream) == (5, False)


def test_a_part_beyond_the_end_is_no_file(tmp_path: Path) -> None:
    film = write_timed_film(tmp_path / "film", "mp4", picture_times=TIMES, draw=grey)
    parts = [Part(2.0, 9.0, tmp_path / "a"), Part(7.0, None, tmp_path / "b")]
    late, later = cut(film, parts)
    assert isinstance(late, MediaError)
    assert isinstance(later, MediaError)
    assert late.finding == later.finding == "beyond-end"
    assert [file.name for file in tmp_path.iterdir()] == ["film"]


def test_a_file_that_does_not_decode_says_so_for_each_part(tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(b"no film")
    results = cut(tmp_path / "film", [Part(0, 1, tmp_path / "a"), Part(1, 2, tmp_path / "b")])
    assert [result.finding for result in results if isinstance(result, MediaError)] == [
        *("unreadable", "unreadable")
    ]


@pytest.mark.parametrize("degrees", [90, 180])
def test_a_part_of_a_film_that_a_phone_turned_is_upright(tmp_path: Path, degrees: int) -> None:
    film = write_timed_film(tmp_path / "film.mp4", "mp4", picture_times=TIMES, draw=half_white)
    turned = tmp_path / "turned.mp4"
    with av.open(str(film)) as source, av.open(str(turned), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(degrees)
        stream.sample_aspect_ratio = Fraction(2)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    (file,) = cut(turned, [Part(1.0, 2.0, tmp_path / "a")])
    assert isinstance(file, Path)
    (whole,), (part,) = Clip(turned).frames(1), Clip(file).frames(1)
    step = len(whole.image) // len(part.image)  # its pixels are as high as they were wide
    difference = np.abs(part.image - whole.image[::step, ::step].astype(float))
    assert difference.mean() < 3
