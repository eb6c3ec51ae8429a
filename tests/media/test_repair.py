"""A head that is not as readers expect it: a tag in front, sizes never filled in, wide samples."""

import struct
from pathlib import Path

import numpy as np
import pytest
from helpers.sounds import encoded, voice

from avemo.errors import MediaError
from avemo.media.probe import probe
from avemo.media.sound import read_sound

RATE = 16000
#: ID3v2.4 of 257 bytes, which is 2 and 1 in bytes of seven bits
TAG = b"ID3\x04\0\0\0\0\x02\x01" + bytes(257)
UNKNOWN = (0, 2**63 - 1, 2**64 - 1)
FORMATS = ("wav-16", "wav-float", "rf64-16", "w64-16", "aiff-16", "au-16", "caf-16", "flac-16")


def check_sound(content: bytes, tmp_path: Path) -> None:
    """Assert that all of the voice is read, from memory and from disk."""
    file = tmp_path / "clip"
    file.write_bytes(content)
    for source in (content, file):
        np.testing.assert_allclose(read_sound(source), voice(RATE), atol=1e-4)
        measures = probe(source)
        assert (measures.duration_s, measures.trailing_bytes) == (1.0, 0)


def rf64(whole_bytes: int, sound_bytes: int, sound: bytes | None = None) -> bytes:
    """Return a RF64 file whose chunk `ds64` states these sizes."""
    wav = encoded(voice(RATE), RATE)
    sound = wav[44:] if sound is None else sound
    sizes = struct.pack("<IQQQI", 28, whole_bytes, sound_bytes, 0, 0)
    head = b"RF64" + b"\xff" * 4 + b"WAVEds64" + sizes + wav[12:36]
    return head + b"data" + b"\xff" * 4 + sound


def replaced(content: bytes, place: int, size: int) -> bytes:
    return content[:place] + size.to_bytes(8, "little") + content[place + 8 :]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("tags", [1, 2])
def test_a_tag_in_front_of_a_sound(format: str, tags: int, tmp_path: Path) -> None:
    check_sound(TAG * tags + encoded(voice(RATE), RATE, format), tmp_path)


def test_a_tag_with_nothing_behind_it() -> None:
    for content in (TAG, TAG[:12], TAG + bytes(300)):
        with pytest.raises(MediaError, match="is no media file that avemo reads"):
            probe(content)


@pytest.mark.parametrize("size", UNKNOWN)
def test_a_rf64_file_whose_sizes_were_never_filled_in(size: int, tmp_path: Path) -> None:
    check_sound(rf64(size, size), tmp_path)
    check_sound(TAG + rf64(size, size), tmp_path)
    check_sound(rf64(len(rf64(0, 0)) - 8, size), tmp_path)


def test_a_rf64_file_is_read_as_far_as_it_states() -> None:
    whole_bytes = len(rf64(0, 0))
    measures = probe(rf64(whole_bytes - 8, 16000))
    assert measures.duration_s == 0.5
    assert measures.trailing_bytes == 16000
    with pytest.raises(MediaError, match="is cut short"):
        probe(rf64(whole_bytes - 8, 32000)[: whole_bytes // 2])


@pytest.mark.parametrize("size", UNKNOWN)
def test_a_wave64_file_whose_sizes_were_never_filled_in(size: int, tmp_path: Path) -> None:
    content = encoded(voice(RATE), RATE, "w64-16")
    sound = content.index(b"data\xf3\xac\xd3\x11") + 16
    check_sound(replaced(content, 16, size), tmp_path)
    check_sound(replaced(replaced(content, 16, size), sound, size or 24), tmp_path)


def test_a_wave64_file_that_is_cut_short() -> None:
    content = encoded(voice(RATE), RATE, "w64-16")
    with pytest.raises(MediaError, match="is cut short: 16,052 of"):
        probe(content[:16052])


def test_an_au_file_of_no_stated_size(tmp_path: Path) -> None:
    content = encoded(voice(RATE), RATE, "au-16")
    check_sound(content[:8] + bytes(4) + content[12:], tmp_path)


@pytest.mark.parametrize("extensible", [False, True])
def test_samples_of_24_bits_in_4_bytes(extensible: bool, tmp_path: Path) -> None:
    samples = np.rint(voice(RATE) * 2**23).astype("<i4") * 256
    bits = 32 if extensible else 24
    format_ = struct.pack("<HHIIHH", 0xFFFE if extensible else 1, 1, RATE, 4 * RATE, 4, bits)
    if extensible:
        guid = b"\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
        format_ += struct.pack("<HHI", 22, 24, 4) + guid
    chunks = b"".join(
        name + struct.pack("<I", len(chunk)) + chunk
        for name, chunk in ((b"fmt ", format_), (b"data", samples.tobytes()))
    )
    check_sound(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks, tmp_path)
