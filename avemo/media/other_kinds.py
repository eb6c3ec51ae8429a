"""Files that are no recording, told by how they begin, so that a message can name them."""

__all__ = ["describe_other_kind"]

_STILL = "a single picture ({}), which is not read: a film or a sound is expected"
_PLAYLIST = "a playlist, which is not read: give the recordings that it names"
_ARCHIVE = "an archive ({}), which is not read: unpack it, and give the recordings in it"
_DOCUMENT = "a document ({}), which is not read: a film or a sound is expected"

#: what a file begins with, and what it is
_KINDS = (
    (b"GIF8", "an animated picture (GIF), which is not read: convert it to MP4"),
    (b"\x89PNG", _STILL.format("PNG")),
    (b"\xff\xd8\xff", _STILL.format("JPEG")),
    (b"BM", _STILL.format("BMP")),
    (b"II*\0", _STILL.format("TIFF")),
    (b"MM\0*", _STILL.format("TIFF")),
    (b"#EXTM3U", _PLAYLIST),
    (b"ffconcat", _PLAYLIST),
    (b"v=0\r\no=", _PLAYLIST),
    (b"v=0\no=", _PLAYLIST),
    (b"PK\x03\x04", _ARCHIVE.format("ZIP")),
    (b"\x1f\x8b", _ARCHIVE.format("gzip")),
    (b"%PDF", _DOCUMENT.format("PDF")),
    (b"<!DOCTYPE", _DOCUMENT.format("a page of the web")),
    (b"<html", _DOCUMENT.format("a page of the web")),
    (b"MThd", "a score (MIDI), which holds no recording"),
)


def describe_other_kind(head: bytes) -> str:
    """Return what a file is, if its first 12 bytes say that it is no recording; else nothing."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _STILL.format("WebP")
    if head[4:12] in (b"ftypheic", b"ftypmif1", b"ftypavif"):
        return _STILL.format("HEIC or AVIF")
    return next((kind for start, kind in _KINDS if head.startswith(start)), "")
