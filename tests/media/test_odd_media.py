"""Films in odd forms: the frames, the voice and the findings are right in each."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from helpers.odd_films import (
    CHANNELS,
    CONTAINERS,
    PICTURE_S,
    VOICE_HZ,
    VOICE_S,
    OddFilm,
    shown_time,
    trim,
    write_odd_film,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from avemo.media.clip import Clip
from avemo.media.probe import probe
from avemo.media.sound import read_sound

FORMS = st.builds(
    OddFilm,
    container=st.sampled_from(sorted(CONTAINERS)),
    gop=st.sampled_from([1, 25, 250]),
    late_s=st.sampled_from([0.0, 0.5, 2.0]),
    channels=st.sampled_from(sorted(CHANNELS)),
).filter(lambda film: film.container != "avi" or not film.late_s)  # AVI has no time stamps


def loudest_hz(sound: NDArray[np.float32], rate: int = 16000) -> float:
    return float(np.abs(np.fft.rfft(sound)).argmax() * rate / len(sound))


def check(file: Path, film: OddFilm) -> None:
    """Assert that a film is read as players show it."""
    measures = probe(file)
    assert measures.has_picture
    assert measures.has_sound
    assert measures.duration_s == pytest.approx(max(PICTURE_S, film.late_s + VOICE_S), abs=0.1)
    with Clip(file) as clip:
        voiced = clip.voiced_span(30.0)
        assert voiced == pytest.approx((film.late_s, film.late_s + VOICE_S), abs=0.09)
        sound = clip.sound(16000)
        # without an edit list, FFmpeg's writer stretches the first packet over the time before
        before_s = film.late_s if film.container == "frag.mp4" else 0.0
        assert len(sound) / 16000 == pytest.approx(before_s + VOICE_S, abs=0.12)
        assert np.abs(sound).max() > 0.12
        assert loudest_hz(sound) == pytest.approx(VOICE_HZ, abs=5)
        for span in (None, voiced):
            frames = clip.frames(8, span)
            assert len(frames) == 8
            start, end = span or (0.0, PICTURE_S)
            centres = [start + (index + 0.5) * (end - start) / 8 for index in range(8)]
            assert [frame.time_s for frame in frames] == pytest.approx(centres, abs=0.09)
            for frame in frames:
                assert shown_time(frame.image) == pytest.approx(frame.time_s, abs=0.1)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FORMS)
def test_moments_and_voice_are_right_in_every_form(film: OddFilm) -> None:
    with TemporaryDirectory() as folder:
        check(write_odd_film(Path(folder), film), film)


@pytest.mark.parametrize("container", sorted(CONTAINERS))
def test_every_container(tmp_path: Path, container: str) -> None:
    film = OddFilm(container, gop=250, late_s=0 if container == "avi" else 1.5)
    check(write_odd_film(tmp_path, film), film)


def test_a_comment_is_not_taken_for_the_sound(tmp_path: Path) -> None:
    film = OddFilm("mkv", comment=True)
    check(write_odd_film(tmp_path, film), film)


def test_a_picture_that_no_decoder_reads_is_not_preferred(tmp_path: Path) -> None:
    film = OddFilm("mov", cover=True)
    file = write_odd_film(tmp_path, film)
    check(file, film)
    assert Clip(file).streams().video_track == 1


def test_a_trimmed_film_is_what_its_edit_list_shows(tmp_path: Path) -> None:
    file = trim(write_odd_film(tmp_path, OddFilm("mp4")), 0.5, 0.8)
    measures = probe(file)
    assert measures.duration_s == pytest.approx(0.8, abs=0.1)
    assert len(read_sound(file)) / 16000 == pytest.approx(0.8, abs=0.05)
    frames = Clip(file).frames(4)
    assert [frame.time_s for frame in frames] == pytest.approx([0.1, 0.3, 0.5, 0.7], abs=0.05)
    for frame in frames:
        assert shown_time(frame.image) == pytest.approx(0.5 + frame.time_s, abs=0.1)
