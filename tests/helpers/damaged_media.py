"""Media that are damaged, or made to do harm; the same files for the same seed."""

from __future__ import annotations

import io
import struct
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from helpers.sounds import encoded, voice
from helpers.timed_films import tone, write_timed_film
from numpy.typing import NDArray

__all__ = ["damaged", "references", "special", "truncations"]

#: content by name
Named = Iterator[tuple[str, bytes]]


def sources() -> dict[str, bytes]:
    """Return small sound files and films that are whole."""
    sounds = {name: encoded(voice(16000), 16000, name) for name in ("wav-16", "flac-16", "mp3")}
    sounds |= {name: encoded(voice(16000), 16000, name) for name in ("m4a", "webm", "opus")}
    with tempfile.TemporaryDirectory() as folder:
        for container in ("mp4", "mp4-fast", "mkv", "webm-live", "ts"):
            file = write_timed_film(
                Path(folder, container),
                container,
                picture_times=[number / 25 for number in range(12)],
                draw=_picture,
                sound=tone(0.5, 300),
            )
            sounds[container] = file.read_bytes()
    return sounds


def _picture(time: float) -> NDArray[np.uint8]:
    picture = np.full((48, 64, 3), 90, np.uint8)
    picture[10:30, int(20 * time) : int(20 * time) + 20] = 200
    return picture


def damaged(count: int, seed: int) -> Named:
    """Yield files that are cut off, have flipped bits, lost or doubled blocks, or a wrong start."""
    rng = np.random.default_rng(seed)
    whole_files = sources()
    names = sorted(whole_files)
    for number in range(count):
        name = names[number % len(names)]
        content = bytearray(whole_files[name])
        damage = ("cut", "bits", "lost", "doubled", "start")[number % 5]
        at = int(rng.integers(8, len(content)))
        if damage == "cut":
            content = content[:at]
        elif damage == "bits":
            for place in rng.integers(0, len(content), 1 + int(rng.integers(0, 50))):
                content[place] ^= 1 << int(rng.integers(0, 8))
        elif damage == "lost":
            del content[at : at + int(rng.integers(1, 2000))]
        elif damage == "doubled":
            content[at:at] = content[: int(rng.integers(1, 5000))]
        else:
            content[: int(rng.integers(1, 64))] = rng.bytes(int(rng.integers(1, 64)))
        yield f"{number} {name} {damage}", bytes(content)


def truncations(content: bytes, count: int) -> Named:
    """Yield a file cut off at so many places, evenly spread."""
    for number in range(count):
        size = len(content) * number // count
        yield f"{size} of {len(content)} bytes", content[:size]


def references(file: Path, url: str, port: int) -> Named:
    """Yield files that name another file or an address.

    Args:
        file: that nobody may read
        url: that nobody may ask
        port: of that URL
    """
    yield "m3u8", f"#EXTM3U\n#EXTINF:10,\n{url}\n{file}\n#EXT-X-ENDLIST\n".encode()
    yield "ffconcat", f"ffconcat version 1.0\nfile {file}\nfile {url}\n".encode()
    yield "sdp", f"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio {port} RTP/AVP 0\n".encode()
    yield "dash", f'<?xml version="1.0"?><MPD><BaseURL>{url}</BaseURL></MPD>'.encode()
    for reference in (str(file), url):
        yield f"mov to {reference}", _referring_mov(reference)


def _referring_mov(reference: str) -> bytes:
    """Return an MOV whose samples lie in another file, as QuickTime's data references say it."""
    content = encoded(voice(8000, 0.5), 8000, "mov-16")
    place = content.index(b"dref")
    size = int.from_bytes(content[place - 4 : place], "big")
    path = reference.encode()
    alias = bytearray(150)
    alias[6:8] = struct.pack(">H", 2)
    alias[50 : 50 + 64] = bytes([min(63, len(path))]) + path[:63].ljust(63, b"\0")
    alias += struct.pack(">hH", 18, len(path)) + path + b"\0" * (len(path) % 2)
    alias += struct.pack(">hH", -1, 0)
    entry = struct.pack(">I4sI", 12 + len(alias), b"alis", 0) + alias
    dref = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    grown = len(dref) - size
    result = bytearray(content[: place - 4] + dref + content[place - 4 + size :])
    for parent in (b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        at = result.rindex(parent, 0, place) - 4
        result[at : at + 4] = struct.pack(">I", int.from_bytes(result[at : at + 4], "big") + grown)
    return bytes(result)


def special() -> Named:
    """Yield what takes much room or time: a picture of 900 million pixels, hours of silence."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100_000)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)
    yield "a picture of 900 million pixels", png + chunk(b"IEND", b"")
    yield "a film of it", _film_of(png)
    yield "hours of silence", _silence(hours=3)
    yield "nothing", b""
    yield "a wav of 2 GB by its header", b"RIFF\xf0\xff\xff\x7fWAVEfmt " + b"\x10\0\0\0" * 20
    yield "text", b"a" * 100_000


def _film_of(png: bytes) -> bytes:
    """Return an MKV with one packet that claims to be a picture of motion JPEG."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as output:
        stream = output.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuvj420p"
        packet = av.Packet(png)
        packet.stream, packet.pts, packet.dts = stream, 0, 0
        output.mux(packet)
    return buffer.getvalue()


def _silence(hours: int) -> bytes:
    """Return hours of digital silence in some 100 kB an hour."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="flac") as output:
        stream = output.add_stream("flac", rate=8000, layout="mono")
        block = np.zeros((1, 8000 * 60), np.int16)
        for minute in range(60 * hours):
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8000, minute * block.shape[1]
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()
