"""Opening media files, from disk or from memory, through FFmpeg."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import MediaError

__all__ = ["is_wav", "name", "opened"]

# Playlists, image patterns and the like are left out: they make FFmpeg open what a text file names.
_FORMATS = "aac,ac3,aiff,amr,asf,au,avi,caf,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,w64,wav,webm"


@contextmanager
def opened(source: Path | bytes) -> Iterator[Any]:
    """Open a media file for reading.

    Args:
        source: a file, or a file's content

    Yields:
        an `av.container.InputContainer`

    Raises:
        MediaError: `unreadable`, also for what FFmpeg raises inside the block
    """
    import av

    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    except OSError as error:
        raise MediaError("unreadable", f"{source!s} does not open: {error.strerror}") from None
    with file:
        if not file.read(1):
            raise MediaError("unreadable", f"{name(source)} is empty: 0 bytes")
        file.seek(0)
        options = {"format_whitelist": _FORMATS}
        if is_wav(file.read(12)):
            options["probesize"] = "4096"  # the header says all: thrice as fast
        file.seek(0)
        try:
            with av.open(file, options=options, metadata_errors="replace") as container:
                yield container
        except (av.FFmpegError, OSError) as error:
            raise MediaError(
                "unreadable",
                f"{name(source)} is no media file that FFmpeg reads, or is cut short"
                f" ({error.strerror or error})",
            ) from None


def is_wav(head: bytes) -> bool:
    """Whether a file that begins so is a WAV file; 12 bytes tell."""
    return head[:4] == b"RIFF" and head[8:12] == b"WAVE"


def name(source: Path | bytes) -> str:
    """What an error message calls the source."""
    return f"media of {len(source):,} bytes" if isinstance(source, bytes) else source.name
