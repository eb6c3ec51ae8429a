"""What nobody can answer from is refused in a sentence, the same one by every reader."""

import io
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers.sounds import CODED, PLAIN, align_sound, encoded, voice

from avemo.errors import MediaError
from avemo.media.probe import Probe, probe
from avemo.media.sound import check_sound, read_sound, read_sound_blocks

#: containers that state their length; the others are a stream, of which a part is a whole
STATED = ["wav-16", "wavex-24", "wav-float", "rf64-16", "flac-16", "aiff-16", "au-16", "caf-16",
          "m4a", "m4a-fast", "alac", "mov-16", "avi-16"]  # fmt: skip
STREAMS = ["mp3", "vorbis", "opus", "adts", "mka", "webm"]


def refusal_of(source: Path | bytes) -> str:
    """Return the sentence that every reader refuses a source with."""
    sentences = []
    for reader in (probe, read_sound, lambda source: [*read_sound_blocks(source, 8000)]):
        with pytest.raises(MediaError) as error:
            reader(source)
        assert error.value.finding == "unreadable"
        sentences.append(str(error.value))
    assert len(set(sentences)) == 1
    return sentences[0]


@pytest.mark.parametrize("format", ["wav-float", "wav-double", "aiff-float", "mov-float"])
@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_number(tmp_path: Path, format: str, rate: int, number: float) -> None:
    sound = np.stack([voice(rate, 6), voice(rate, 6)], axis=1)
    sound[70_000:70_003, 1] = number  # in one channel, in two blocks
    sound[[0, -1], 0] = number
    content = encoded(sound, rate, format)
    (tmp_path / "a").write_bytes(content)
    expected = f"5 of the sound's {sound.size:,} samples are no number (NaN or infinite)"
    for source in (content, tmp_path / "a"):
        assert expected in refusal_of(source)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_nothing_but_what_is_no_number(number: float) -> None:
    content = encoded(np.full(8000, number), 16000, "wav-float")
    assert "8,000 of the sound's 8,000 samples" in refusal_of(content)


@pytest.mark.parametrize("format", ["wav-float", "aiff-float"])
def test_samples_out_of_all_scale(format: str) -> None:
    """Floats of 16-bit integers that nobody divided: features would be 90 dB too loud."""
    sentence = refusal_of(encoded(voice(16000) * 32768, 16000, format))
    assert "the sound's samples reach 12,2" in sentence
    assert "at most 32 are expected where full scale is 1" in sentence
    assert "1,000,000,0" in refusal_of(encoded(np.full(8000, 1e30), 16000, format))


def test_a_double_too_large_for_a_float_is_no_number() -> None:
    sound = voice(16000)
    sound[5] = 1e300
    assert "1 of the sound's 16,000" in refusal_of(encoded(sound, 16000, "wav-double"))


@pytest.mark.parametrize("format", STATED)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_cut_short(tmp_path: Path, format: str, share: float) -> None:
    content = encoded(voice(16000, 3), 16000, format)
    torn = content[: int(len(content) * share)]
    (tmp_path / "a").write_bytes(torn)
    for source in (torn, tmp_path / "a"):
        assert "is cut short" in refusal_of(source)


@pytest.mark.parametrize("format", STREAMS)
def test_of_a_torn_stream_what_is_there_is_heard(format: str) -> None:
    content = encoded(voice(16000, 9), 16000, format)
    torn = content[: len(content) // 2]
    sound = read_sound(torn)
    assert 2.5 * 16000 < len(sound) < 6 * 16000
    expected = voice(16000, 9)[: len(sound) - 2000]
    _, decoded = align_sound(sound, expected)
    assert np.linalg.norm(decoded - expected) < 0.12 * np.linalg.norm(expected)
    assert probe(torn).duration_s == pytest.approx(len(sound) / 16000, abs=0.1)


def patch_header(content: bytes, at: int, number: int, size: int = 4) -> bytes:
    """A WAV file's content with another number in its head."""
    return content[:at] + number.to_bytes(size, "little") + content[at + size :]


WAV = encoded(voice(16000), 16000)
RIFF, CODEC, CHANNELS, RATE, BITS, DATA = 4, 20, 22, 24, 34, 40


@pytest.mark.parametrize("data", [0, 999_999, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("riff", [0, len(WAV) - 8, 0x7FFF0000, 0xFFFFFFFF])
def test_a_wav_whose_head_states_no_length_or_too_much_of_its_data(riff: int, data: int) -> None:
    """As of a recorder that was cut off, or that writes to a pipe."""
    content = patch_header(patch_header(WAV, RIFF, riff), DATA, data)
    np.testing.assert_array_equal(read_sound(content), read_sound(WAV))
    assert probe(content) == probe(WAV)


def test_a_wav_of_the_other_byte_order() -> None:
    """FFmpeg takes it for one of the usual order, and hears noise."""
    file = io.BytesIO()
    soundfile.write(file, voice(16000), 16000, format="WAV", subtype="PCM_16", endian="BIG")
    content = file.getvalue()
    assert content.startswith(b"RIFX")
    np.testing.assert_array_equal(read_sound(content), read_sound(WAV))
    assert probe(content) == probe(WAV)
    assert "is cut short" in refusal_of(content[: len(content) // 2])


def test_what_stands_after_the_sound_is_not_heard() -> None:
    longer = WAV + b"LIST" + (400).to_bytes(4, "little") + bytes(range(200)) * 2
    for content in (longer, patch_header(longer, RIFF, len(longer) - 8)):
        np.testing.assert_array_equal(read_sound(content), read_sound(WAV))
        assert replace(probe(content), trailing_bytes=0) == probe(WAV)


def test_a_flac_that_states_no_length() -> None:
    content = encoded(voice(16000), 16000, "flac-16")
    streamed = content[:21] + bytes([content[21] & 0xF0, 0, 0, 0, 0]) + content[26:]
    np.testing.assert_array_equal(read_sound(streamed), read_sound(content))
    assert probe(streamed) == probe(content)


@pytest.mark.parametrize("rate", [1, 999, 800_000])
def test_a_sample_rate_that_is_none(rate: int) -> None:
    sentence = refusal_of(patch_header(WAV, RATE, rate))
    assert f"a sample rate of {rate:,} Hz, 1,000 to 768,000 Hz are expected" in sentence


NONSENSE = {
    "rate": patch_header(WAV, RATE, 0),
    "channels": patch_header(WAV, CHANNELS, 0, 2),
    "bits": patch_header(WAV, BITS, 0, 2),
    "codec": patch_header(WAV, CODEC, 0x1234, 2),
    "torn-head": WAV[:30],
    "head-only": WAV[:44],
    "riff": b"RIFF\0\0\0\0WAVE",
    "flac": b"fLaC",
    "ogg": b"OggS" * 20,
    "id3": b"ID3\4\0\0\0\0\0\0",
    "zeros": bytes(5000),
}


@pytest.mark.parametrize("content", NONSENSE.values(), ids=NONSENSE)
def test_heads_that_say_nonsense(content: bytes) -> None:
    for reader in (probe, read_sound):
        with pytest.raises(MediaError, match=r"cut short|decode|is a text") as error:
            reader(content)
        assert error.value.finding == "unreadable"


def outcome(reader: Callable[[bytes], object], content: bytes) -> object:
    """What a reader gives, or the class of its finding."""
    try:
        return reader(content)
    except MediaError as error:
        return error.finding


@pytest.mark.parametrize("format", [*PLAIN, *CODED])
def test_damaged_bytes_end_in_a_sound_or_in_a_finding(format: str) -> None:
    content = encoded(voice(16000, 0.4), 16000, format)
    draw = random.Random(format)
    for _ in range(12):
        damaged = bytearray(content[: draw.choice([None, draw.randrange(50, len(content))])])
        for _ in range(draw.choice([1, 3, 9])):
            damaged[draw.randrange(draw.choice([40, len(damaged)]))] = draw.randrange(256)
        sound, measures = (outcome(reader, bytes(damaged)) for reader in (read_sound, probe))
        assert isinstance(sound, np.ndarray) or sound in ("unreadable", "no-sound")
        assert isinstance(measures, Probe) or measures == "unreadable"


@pytest.mark.parametrize("name", ["null\0byte", "x" * 5000, "."])
def test_a_path_that_is_none(name: str, tmp_path: Path) -> None:
    assert "does not open" in refusal_of(tmp_path / name)


@pytest.mark.parametrize("value", [0.0, 0.5, -0.5, 1.0, 0.02, 0.003, 0.0005])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("format", ["wav-16", "wav-float", "flac-16"])
def test_a_constant_is_silence(value: float, rate: int, format: str) -> None:
    content = encoded(np.full(rate, value), rate, format)
    assert not probe(content).has_sound
    with pytest.raises(MediaError, match="are expected: check the microphone") as error:
        check_sound(read_sound(content), 16000, min_duration_s=0.3, silence_dbfs=-60.0)
    assert error.value.finding == "silent"


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_a_whisper_on_an_offset_is_no_silence(value: float) -> None:
    content = encoded(voice(16000, level=0.004) + value, 16000, "wav-24")
    assert probe(content).has_sound
    check_sound(read_sound(content), 16000, min_duration_s=0.3, silence_dbfs=-60.0)


@pytest.mark.parametrize("rate", [8000, 44100])
@pytest.mark.parametrize(("seconds", "finding"), [(0.2, "too-short"), (0.35, "")])
def test_how_short_is_too_short(rate: int, seconds: float, finding: str) -> None:
    sound = read_sound(encoded(voice(rate, seconds), rate))
    assert len(sound) == pytest.approx(seconds * 16000, abs=1)
    if not finding:
        check_sound(sound, 16000, min_duration_s=0.3, silence_dbfs=-60.0)
        return
    with pytest.raises(
        MediaError, match=r"0\.20 s of sound, at least 0\.3 s are expected"
    ) as error:
        check_sound(sound, 16000, min_duration_s=0.3, silence_dbfs=-60.0)
    assert error.value.finding == finding
