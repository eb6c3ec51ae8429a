"""Files that are not read, told by how they begin, so that a message can name them."""

import codecs
import re

__all__ = ["HEAD_BYTES", "describe_other_kind"]

#: how much of a file tells what it is
HEAD_BYTES = 256

_STILL = "a single picture ({}), which is not read: a film or a sound is expected"
_PLAYLIST = "a playlist, which is not read: give the recordings that it names"
_ARCHIVE = "an archive ({}), which is not read: unpack it, and give the recordings in it"
_DOCUMENT = "a document ({}), which is not read: a film or a sound is expected"
_TEXT = "a text{}, which is not read: a film or a sound is expected"
_SOUND = "a sound in the format {}, which is not read: convert it, to FLAC or WAV for example"
_FILM = "a film in the format {}, which is not read: convert it, to MP4 for example"

#: what a file begins with, and what it is
_KINDS = (
    (b"GIF8", "an animated picture (GIF), which is not read: convert it to MP4"),
    (b"\x89PNG", _STILL.format("PNG")),
    (b"\xff\xd8\xff", _STILL.format("JPEG")),
    (b"BM", _STILL.format("BMP")),
    (b"II*\0", _STILL.format("TIFF")),
    (b"MM\0*", _STILL.format("TIFF")),
    (b"\xff\x0a", _STILL.format("JPEG XL")),
    (b"\0\0\0\x0cJXL ", _STILL.format("JPEG XL")),
    (b"#EXTM3U", _PLAYLIST),
    (b"ffconcat", _PLAYLIST),
    (b"v=0\r\no=", _PLAYLIST),
    (b"v=0\no=", _PLAYLIST),
    (b"[playlist]", _PLAYLIST),
    (b"PK\x03\x04", _ARCHIVE.format("ZIP")),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE.format("7-Zip")),
    (b"Rar!\x1a\x07", _ARCHIVE.format("RAR")),
    (b"\xfd7zXZ\0", _ARCHIVE.format("xz")),
    (b"\x1f\x8b", _ARCHIVE.format("gzip")),
    (b"%PDF", _DOCUMENT.format("PDF")),
    (b"<!DOCTYPE", _DOCUMENT.format("a page of the web")),
    (b"<html", _DOCUMENT.format("a page of the web")),
    (b"{\\rtf", _DOCUMENT.format("RTF")),
    (b"\xd0\xcf\x11\xe0", _DOCUMENT.format("Office")),
    (b"MThd", "a score (MIDI), which holds no recording"),
    (b"WEBVTT", _TEXT.format(" (subtitles)")),
    (b"[Script Info]", _TEXT.format(" (subtitles)")),
    (b"wvpk", _SOUND.format("WavPack")),
    (b"TTA1", _SOUND.format("True Audio")),
    (b"MAC ", _SOUND.format("Monkey's Audio")),
    (b"MPCK", _SOUND.format("Musepack")),
    (b"MP+", _SOUND.format("Musepack")),
    (b"\x7f\xfe\x80\x01", _SOUND.format("DTS")),
    (b"Creative Voice File", _SOUND.format("Creative Voice")),
    (b"DSD ", _SOUND.format("DSD")),
    (b".RMF", _FILM.format("RealMedia")),
    (b"nut/multimedia container", _FILM.format("NUT")),
    (b"\x06\x0e\x2b\x34", _FILM.format("MXF")),
    (b"DKIF", _FILM.format("IVF")),
)
#: how subtitles in SubRip's format begin: a number, and a time in the next line
_SUBRIP = re.compile(rb"\d+\s*\r?\n\d\d:\d\d:\d\d,\d{3} -->")
_BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
#: control characters that stand in no text
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f]")


def describe_other_kind(head: bytes) -> str:
    """Return what a file is, if how it begins says that it is not read; else nothing.

    Args:
        head: its first `HEAD_BYTES`
    """
    head = head.removeprefix(codecs.BOM_UTF8)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _STILL.format("WebP")
    if head[4:12] in (b"ftypheic", b"ftypmif1", b"ftypavif"):
        return _STILL.format("HEIC or AVIF")
    kind = next((kind for start, kind in _KINDS if head.startswith(start)), "")
    if kind or not _is_text(head):
        return kind
    return _TEXT.format(" (subtitles)" if _SUBRIP.match(head) else "")


def _is_text(head: bytes) -> bool:
    if head.startswith(_BYTE_ORDER_MARKS):
        return True
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # it may end in a letter
    except UnicodeDecodeError:
        return False
    return bool(text.strip()) and not _CONTROL.search(text)
