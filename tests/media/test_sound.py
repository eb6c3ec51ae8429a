import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers.sounds import align_sound
from numpy.typing import NDArray

from avemo.errors import MediaError
from avemo.media.sound import check_sound, find_voiced_span, read_sound, write_wav

RAVDESS = Path(__file__).parents[2].parent / "shared" / "ravdess"


def sine(
    rate: int, seconds: float = 1.0, hz: float = 440.0, level: float = 0.5
) -> NDArray[np.float32]:
    return (level * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype("f")


def encoded(
    sound: NDArray[np.floating], rate: int, subtype: str = "PCM_16", format: str = "WAV"
) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, rate, subtype=subtype, format=format)
    return file.getvalue()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    sound = sine(16000)
    write_wav(tmp_path / "new" / "a.wav", sound, 16000)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a.wav"]
    read = read_sound(tmp_path / "new" / "a.wav")
    assert read.dtype == np.float32
    assert read.shape == sound.shape
    np.testing.assert_allclose(read, sound, atol=1 / 32768)


def test_bytes_and_path_are_the_same(tmp_path: Path) -> None:
    content = encoded(sine(22050), 22050)
    (tmp_path / "a.wav").write_bytes(content)
    np.testing.assert_array_equal(read_sound(content), read_sound(tmp_path / "a.wav"))


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_channels_are_averaged(subtype: str) -> None:
    left, right = sine(16000), sine(16000, hz=1000, level=0.2)
    read = read_sound(encoded(np.stack([left, right], axis=1), 16000, subtype))
    np.testing.assert_allclose(read, (left + right) / 2, atol=1e-4)


def test_equal_channels_are_as_loud_as_one() -> None:
    sound = sine(48000, level=0.9)
    mono = read_sound(encoded(sound, 48000, "FLOAT"))
    stereo = read_sound(encoded(np.stack([sound, sound], axis=1), 48000, "FLOAT"))
    np.testing.assert_allclose(stereo, mono, atol=1e-6)


@pytest.mark.parametrize(
    "content",
    [b"", b"these are the words that somebody said\n" * 100, encoded(sine(16000), 16000)[:30],
     encoded(sine(16000), 16000)[:44], b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n",
     encoded(np.full(800, np.nan), 16000, "FLOAT")],
    ids=["nothing", "text", "torn-header", "header-only", "playlist", "nan"],
)  # fmt: skip
def test_unreadable(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    for source in (content, tmp_path / "a.wav"):
        with pytest.raises(MediaError) as error:
            read_sound(source)
        assert error.value.finding == "unreadable"


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="does not open: No such file"):
        read_sound(tmp_path / "a.wav")


def test_names_in_old_encodings_do_no_harm() -> None:
    info = b"INFOINAM" + (4).to_bytes(4, "little") + "Müé!".encode("latin-1")
    wav = encoded(sine(16000), 16000)
    chunk = b"LIST" + len(info).to_bytes(4, "little") + info
    size = (len(wav) + len(chunk) - 8).to_bytes(4, "little")
    assert len(read_sound(b"RIFF" + size + wav[8:36] + chunk + wav[36:])) == 16000


def test_check_sound() -> None:
    check_sound(sine(16000), 16000, min_duration_s=1.0, silence_dbfs=-60.0)
    with pytest.raises(MediaError, match=r"1\.00 s of sound, at least 1\.5 s") as error:
        check_sound(sine(16000), 16000, min_duration_s=1.5, silence_dbfs=-60.0)
    assert error.value.finding == "too-short"
    for quiet in (sine(16000, level=1e-4), np.zeros(16000)):
        with pytest.raises(MediaError, match="at least -60 dBFS") as error:
            check_sound(quiet, 16000, min_duration_s=0.3, silence_dbfs=-60.0)
        assert error.value.finding == "silent"


@pytest.mark.real
@pytest.mark.skipif(not RAVDESS.exists(), reason="../shared/ravdess is absent")
@pytest.mark.slow
def test_soundtrack_is_the_wav_a_frame_later() -> None:
    for video in sorted((RAVDESS / "video").glob("01-*.mp4")):
        audio_only = read_sound(RAVDESS / "speech" / f"03{video.stem[2:]}.flac")
        soundtrack = read_sound(video)
        lag, overlap = align_sound(soundtrack, audio_only)
        assert lag / 16000 == pytest.approx(1 / 29.97, abs=0.002), video.name
        assert np.corrcoef(audio_only[: len(overlap)], overlap)[0, 1] > 0.98


@pytest.mark.parametrize("channels", [1, 2, 10])
def test_both_readers_give_the_same_samples(tmp_path: Path, channels: int) -> None:
    """A WAV file is read by libsndfile, an AIFF file by FFmpeg."""
    sound = np.random.default_rng(1).uniform(-1, 1, (70_000, channels)).round(3)
    files = [tmp_path / "a.wav", tmp_path / "a.aiff"]
    for file in files:
        soundfile.write(file, sound, 44100, subtype="PCM_24")
    for rate in (44100, 16000):
        by_libsndfile, by_ffmpeg = (read_sound(file, rate) for file in files)
        np.testing.assert_allclose(by_libsndfile, by_ffmpeg, atol=1e-6)
    np.testing.assert_allclose(read_sound(files[0], 44100), sound.mean(axis=1), atol=1e-6)


def test_a_sound_is_written_block_by_block_as_it_is_at_once(tmp_path: Path) -> None:
    sound = np.random.default_rng(2).uniform(-1.2, 1.2, 5000)
    write_wav(tmp_path / "once.wav", sound, 16000)
    write_wav(tmp_path / "blocks.wav", iter(np.split(sound, 5)), 16000)
    assert (tmp_path / "once.wav").read_bytes() == (tmp_path / "blocks.wav").read_bytes()


@pytest.mark.parametrize("rate", [8000, 44100])
@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_where_something_is_heard(rate: int, offset: float) -> None:
    sound = np.concatenate([np.zeros(rate), sine(rate, 0.5), np.zeros(2 * rate)]) + offset
    sound += np.random.default_rng(0).normal(0, 0.001, len(sound))  # 51 dB below
    assert find_voiced_span(encoded(sound, rate, "FLOAT"), 30) == pytest.approx(
        (1.0, 1.5), abs=0.021
    )
    assert find_voiced_span(encoded(sound, rate, "FLOAT"), 60) == pytest.approx(
        (0.0, 3.5), abs=0.021
    )


def test_where_nothing_is_heard(tmp_path: Path) -> None:
    assert find_voiced_span(encoded(np.zeros(16000), 16000), 30) is None
    assert find_voiced_span(encoded(sine(16000)[:20], 16000), 30) is None
    (tmp_path / "a.txt").write_text("no sound")
    assert find_voiced_span(tmp_path / "a.txt", 30) is None
