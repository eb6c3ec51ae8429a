import doctest
import pickle
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import permutations
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.films import write_film
from helpers.open_counter import OpenCounter
from helpers.sounds import encoded, voice
from numpy.typing import NDArray

from avemo.errors import MediaError
from avemo.media import clip
from avemo.media.clip import Clip
from avemo.media.frames import read_frames
from avemo.media.probe import probe
from avemo.media.scan import Streams
from avemo.media.sound import find_voiced_span, read_sound

RAVDESS = Path(__file__).parents[2] / "../shared/ravdess"


def test_the_example_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "speech.wav").write_bytes(encoded(voice(16000, 2.0), 16000))
    result = doctest.testmod(clip)
    assert (result.failed, result.attempted) == (0, 1)


def test_a_path_and_its_content_are_the_same_recording(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    content = encoded(voice(16000), 16000)
    file.write_bytes(content)
    for source in (file, str(file), content):
        recording = Clip(source)
        assert recording.probe() == probe(file)
        np.testing.assert_array_equal(recording.sound(8000), read_sound(file, 8000))
    assert repr(Clip(file)) == "Clip(a.wav)"
    assert repr(Clip(content)) == f"Clip(media of {len(content):,} bytes)"


#: what is read of a clip, and the function that reads the same of a file opened for that alone
READINGS: dict[str, tuple[Callable[[Clip], object], Callable[[Path | bytes], object]]] = {
    "probe": (Clip.probe, probe),
    "sound": (Clip.sound, read_sound),
    "other rate": (lambda clip: clip.sound(44100), lambda file: read_sound(file, 44100)),
    "voiced span": (lambda clip: clip.voiced_span(30), lambda file: find_voiced_span(file, 30)),
    "frames": (lambda clip: clip.frames(5), lambda file: list(read_frames(file, 5))),
    "some frames": (
        lambda clip: clip.frames(3, (0.2, 0.6)),
        lambda file: list(read_frames(file, 3, (0.2, 0.6))),
    ),
}


def outcome(read: Callable[[], object]) -> object:
    """Return what a reading gives, its arrays as bytes, or what it is refused with."""
    try:
        value = read()
    except MediaError as error:
        return error.finding, str(error)
    if isinstance(value, np.ndarray):
        return value.dtype, value.tobytes()
    if isinstance(value, list):
        return [(frame.time_s, frame.image.shape, frame.image.tobytes()) for frame in value]
    return value


def expect_equal(source: Path | bytes, orders: Iterable[Sequence[str]]) -> None:
    """Read a clip in several orders, and each reading twice, against files opened anew."""
    expected = {name: outcome(partial(of_file, source)) for name, (_, of_file) in READINGS.items()}
    for order in orders:
        with Clip(source) as recording:
            for name in [*order, *order]:
                assert outcome(partial(READINGS[name][0], recording)) == expected[name], order


def write_float_film(file: Path, sound: NDArray[np.float32]) -> Path:
    """Write a second of changing greys, with a sound at 16 kHz whose samples are floats."""
    with av.open(str(file), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("pcm_f32le", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None], format="flt", layout="mono")
        frame.sample_rate = 16000
        container.mux([*audio.encode(frame), *audio.encode()])
        for number in range(25):
            picture = np.random.default_rng(number).integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode())
    return file


def with_noise_for_pictures(file: Path) -> bytes:
    """Return the content of a film whose pictures do not decode."""
    content = bytearray(file.read_bytes())
    with av.open(str(file)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0)]
    for start, size in packets:
        if start is not None:
            content[start : start + size] = bytes(size)
    return bytes(content)


SOUND = voice(16000).astype(np.float32)
NAN = np.where(np.arange(16000) == 9000, np.nan, SOUND).astype(np.float32)


@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_a_film_reads_the_same_in_any_order(tmp_path: Path, offset: float) -> None:
    film = write_float_film(tmp_path / "a.mov", SOUND + np.float32(offset))
    expect_equal(film, permutations(READINGS, 3))


@pytest.mark.parametrize("format", ["wav-16", "wav-float", "flac-16", "mp3", "m4a", "mka", "adts"])
def test_a_sound_reads_the_same_in_any_order(format: str) -> None:
    expect_equal(encoded(voice(22050, 3) + 0.1, 22050, format), [tuple(READINGS)])


@pytest.mark.real
def test_real_recordings_read_the_same(tmp_path: Path) -> None:
    files = [*sorted(RAVDESS.glob("video/*.mp4"))[::4], *sorted(RAVDESS.glob("speech/*.flac"))[:8]]
    if not files:
        pytest.skip("needs ../shared/ravdess")
    for file in files:
        expect_equal(file, [("sound", "voiced span", "some frames", "frames", "probe")])


def test_a_damaged_sound_does_not_keep_the_pictures_from_being_read(tmp_path: Path) -> None:
    film = write_float_film(tmp_path / "a.mov", NAN)
    expect_equal(film, permutations(READINGS, 3))
    with Clip(film) as recording:
        for _ in range(2):
            for read in (recording.sound, recording.probe):
                with pytest.raises(MediaError, match="1 of the sound's 16,000 samples"):
                    read()
            assert recording.voiced_span(30) is None
            assert len(recording.frames(5)) == 5


def test_damaged_pictures_do_not_keep_the_sound_from_being_read(tmp_path: Path) -> None:
    film = with_noise_for_pictures(write_float_film(tmp_path / "a.mov", SOUND))
    expect_equal(film, permutations(READINGS, 3))
    with Clip(film) as recording:
        for _ in range(2):
            with pytest.raises(MediaError, match="is damaged: 0 of 5 frames could be decoded"):
                recording.frames(5)
            np.testing.assert_array_equal(recording.sound(), SOUND)


def test_a_sound_that_is_too_long_to_keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip, "_MAX_KEPT_SAMPLES", 5000)
    film = write_float_film(tmp_path / "a.mov", SOUND + np.float32(0.3))
    expect_equal(film, permutations(READINGS, 2))
    with Clip(film) as recording:
        recording.sound()
        assert recording._sound is None


def test_a_film_is_opened_once_and_its_sound_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_float_film(tmp_path / "a.mov", SOUND + np.float32(0.3))
    counter = OpenCounter(monkeypatch)
    with Clip(film) as recording:
        recording.streams()
        recording.probe()
        for rate in (8000, 16000, 44100):
            recording.sound(rate)
        recording.voiced_span(30)
    assert (counter.files, counter.readers, counter.samples) == ([film], 1, 16000)


def count_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are listed on Linux")
def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mkv")
    sound, torn = tmp_path / "a.wav", tmp_path / "torn.wav"
    sound.write_bytes(encoded(SOUND, 16000))
    torn.write_bytes(encoded(SOUND, 16000)[:9000])
    damaged = write_float_film(tmp_path / "nan.mov", NAN)
    held = []
    before = count_descriptors()
    for _ in range(60):
        for file in (film, sound, torn, damaged):
            recording = Clip(file)  # without a `with` block
            held.append(recording)
            for read, _ in READINGS.values():
                outcome(partial(read, recording))
            assert count_descriptors() == before
            with recording, recording:
                outcome(recording.sound)
                outcome(partial(recording.frames, 1))
            with suppress(ZeroDivisionError), Clip(file) as recording:
                outcome(recording.streams)
                raise ZeroDivisionError
    assert count_descriptors() == before


def test_another_process_gets_the_source_alone(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mkv")
    with Clip(film) as recording:
        sound = recording.sound()
        copy = pickle.loads(pickle.dumps(recording))
    assert copy.source == film
    np.testing.assert_array_equal(copy.sound(), sound)


@pytest.mark.parametrize("format", ["mkv", "m4a", "wav"])
def test_the_streams_are_those_of_the_header(tmp_path: Path, format: str) -> None:
    content = (
        write_film(tmp_path / "a.mkv").read_bytes()
        if format == "mkv"
        else encoded(np.zeros(16000), 16000, {"wav": "wav-16"}.get(format, format))
    )
    assert Clip(content).streams() == Streams(sound=True, picture=format == "mkv")
    silent = write_film(tmp_path / "silent.mkv", sound=False)
    assert Clip(silent).streams() == Streams(sound=False, picture=True)


def test_a_missing_file_is_a_finding_once_it_is_opened(tmp_path: Path) -> None:
    missing = Clip(tmp_path / "none.wav")
    for read in (missing.probe, missing.sound, lambda: missing.frames(1)):
        with pytest.raises(MediaError, match=r"none\.wav does not open") as error:
            read()
        assert error.value.finding == "unreadable"
