"""What is no recording, or in a format that is not read, is named."""

import codecs
from pathlib import Path

import pytest

from avemo.errors import MediaError
from avemo.media.clip import Clip
from avemo.media.probe import probe

SUBTITLES = b"1\r\n00:00:00,000 --> 00:00:04,000\r\na secret\r\n"
KINDS = {
    "GIF": b"GIF89a" + bytes(40),
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(40),
    "JPEG XL": b"\xff\x0a" + bytes(40),
    "AVIF": b"\0\0\0\x20ftypavif" + bytes(40),
    "WebP": b"RIFF\x28\0\0\0WEBPVP8 " + bytes(30),
    "PDF": b"%PDF-1.7\n\x80\x81",
    "ZIP": b"PK\x03\x04" + bytes(40),
    "a playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n",
    "a page of the web": b"<!DOCTYPE html><p>a secret",
    "WavPack": b"wvpk" + bytes(40),
    "RealMedia": b".RMF" + bytes(40),
    "MXF": b"\x06\x0e\x2b\x34" + bytes(40),
    "a text,": b"a secret",
    "a text, ": codecs.BOM_UTF16_LE + "a secret".encode("utf-16-le"),
    "a text,  ": b'{"a secret": "\xc3\xa4' + b"\xc3\xa4" * 200 + b'"}',
    "subtitles": SUBTITLES,
    "(subtitles)": codecs.BOM_UTF8 + SUBTITLES,
    "text (subtitles)": b"WEBVTT\n\n00:00.000 --> 00:04.000\na secret\n",
}


@pytest.mark.parametrize(("kind", "content"), KINDS.items(), ids=KINDS)
def test_the_message_names_it_without_its_content(
    tmp_path: Path, kind: str, content: bytes
) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    for source in (content, tmp_path / "clip.mp4"):
        for reader in (probe, lambda source: Clip(source).streams()):
            with pytest.raises(MediaError, match="which is not read") as error:
                reader(source)
            assert error.value.finding == "unreadable"
            assert kind.strip() in str(error.value)
            assert "secret" not in str(error.value)


@pytest.mark.parametrize("content", [bytes(300), b"   \n", b"\x01\x02text", b"\xff\xfb\x90"])
def test_what_nobody_can_name(content: bytes) -> None:
    with pytest.raises(MediaError, match=r"is no media file that avemo reads|decode"):
        probe(content)
