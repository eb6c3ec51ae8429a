"""Where a file's clock starts anew, what comes next follows what came before."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Stream
from helpers.odd_films import PICTURE_S, VOICE_HZ, VOICE_S, OddFilm, shown_time, write_odd_film
from helpers.sounds import align_sound, encoded, voice
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from avemo.media.clip import Clip
from avemo.media.playback import PlayedSound
from avemo.media.probe import probe
from avemo.media.restarts import RestartJoiner
from avemo.media.sound import read_sound

JOINED = ("mts", "mpg")


def join(folder: Path, film: OddFilm) -> Path:
    """Write a film twice into one file, as `cat` does."""
    file = write_odd_film(folder, film)
    file.write_bytes(file.read_bytes() * 2)
    return file


@pytest.mark.parametrize("container", JOINED)
def test_joined_films_are_one_film(tmp_path: Path, container: str) -> None:
    film = OddFilm(container, gop=25, late_s=1.0)
    with Clip(join(tmp_path, film)) as clip:
        assert clip.probe().duration_s == pytest.approx(2 * PICTURE_S, abs=0.2)
        voiced = clip.voiced_span(30.0)
        end_s = PICTURE_S + film.late_s + VOICE_S
        assert voiced == pytest.approx((film.late_s, end_s), abs=0.2)
        frames = clip.frames(16)
        assert len(frames) == 16
        centres = [(index + 0.5) * PICTURE_S / 8 for index in range(16)]
        assert [frame.time_s for frame in frames] == pytest.approx(centres, abs=0.2)
        for frame in frames:
            shown_s = frame.time_s if frame.time_s < PICTURE_S + 0.05 else frame.time_s - PICTURE_S
            assert shown_time(frame.image) == pytest.approx(shown_s, abs=0.2)
        second = clip.frames(4, (PICTURE_S + 1, PICTURE_S + 2))
        shown = [shown_time(frame.image) for frame in second]
        assert shown == pytest.approx([1.1, 1.35, 1.6, 1.85], abs=0.25)


@pytest.mark.parametrize("container", JOINED)
def test_joined_films_are_played_as_they_are_read(tmp_path: Path, container: str) -> None:
    file = join(tmp_path, OddFilm(container, late_s=1.0))
    blocks = [block for block in Clip(file).play(None) if isinstance(block, PlayedSound)]
    played = np.concatenate([block.samples for block in blocks])
    assert len(played) / 48000 == pytest.approx(PICTURE_S + VOICE_S, abs=0.2)
    second = played[round((PICTURE_S + 0.1) * 48000) :]
    spectrum = np.abs(np.fft.rfft(second))
    assert spectrum.argmax() * 48000 / len(second) == pytest.approx(VOICE_HZ, abs=5)


@pytest.mark.parametrize("format", ["vorbis", "opus"])
def test_a_chain_of_ogg_streams_is_heard_to_its_end(format: str) -> None:
    content = encoded(voice(48000), 48000, format)
    assert probe(content * 2).duration_s == pytest.approx(2.0, abs=0.05)
    second = read_sound(content * 2)[16000:]
    _, decoded = align_sound(second, voice(16000)[1600:-1600])
    expected = voice(16000)[1600 : 1600 + len(decoded)]
    assert np.linalg.norm(decoded - expected) < 0.15 * np.linalg.norm(expected)


FPS = 25
Stamps = list[tuple[int, float]]  # stream, and decoding time in seconds


def placed_times(stamps: Stamps) -> Stamps:
    """Return the stamps of packets of two streams, after they were joined."""
    with av.open(io.BytesIO(), "w", format="mpegts") as output:
        streams = [output.add_stream("mp2", rate=48000), output.add_stream("mp2", rate=48000)]
        joiner = RestartJoiner()
        placed: list[av.Packet[Stream]] = []
        for index, time_s in stamps:
            packet: av.Packet[Stream] = av.Packet(b"a")
            packet.stream, packet.time_base = streams[index], Fraction(1, 90_000)
            packet.pts = packet.dts = round(time_s * 90_000)
            packet.duration = 90_000 // FPS
            placed += joiner.join(packet)
        return [(p.stream.index, float((p.dts or 0) * Fraction(1, 90_000))) for p in placed]


def recording(frames: int, start_s: float, late: int) -> Stamps:
    """Return the stamps of a recording, whose second stream begins later by some packets."""
    pictures = [(0, number / FPS + start_s) for number in range(frames)]
    sounds = [(1, number / FPS + start_s + 0.01) for number in range(late, frames)]
    return sorted([*pictures, *sounds], key=lambda stamp: stamp[1])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(30, 90), st.floats(0, 50_000), st.integers(0, 20)),
        min_size=1,
        max_size=4,
    )
)
def test_recordings_follow_each_other_whatever_their_clocks(
    parts: list[tuple[int, float, int]],
) -> None:
    starts = [start_s for _, start_s, _ in parts]
    ends = [start_s + frames / FPS for frames, start_s, _ in parts]
    gaps = [start - end for end, start in zip(ends, starts[1:], strict=False)]
    assume(all(gap < -1.5 or gap > 12 for gap in gaps))  # what is between may be a gap
    placed = placed_times([stamp for part in parts for stamp in recording(*part)])
    frames = sum(frames for frames, _, _ in parts)
    first_s = starts[0]
    assert [t for stream, t in placed if stream == 0] == pytest.approx(
        [first_s + number / FPS for number in range(frames)], abs=0.06 * len(parts)
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 80), st.sampled_from([-1.7, 12.0, 40_000.0]), st.integers(0, 1))
def test_a_single_time_stamp_that_does_not_fit_is_no_new_clock(
    place: int, shift_s: float, stream: int
) -> None:
    stamps = recording(90, 100.0, 0)
    at = [number for number, stamp in enumerate(stamps) if stamp[0] == stream][place]
    damaged = [*stamps]
    damaged[at] = (stream, stamps[at][1] + shift_s)
    placed = placed_times(damaged)
    for index in (0, 1):
        expected = [time_s for number, time_s in damaged if number == index]
        assert [time_s for number, time_s in placed if number == index] == pytest.approx(expected)
