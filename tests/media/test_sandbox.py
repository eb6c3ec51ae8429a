"""Decoding in another process: the same to the last bit, and nothing else is possible there."""

import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.sounds import CODED, PLAIN, encoded, voice
from helpers.timed_films import tone, write_timed_film
from numpy.typing import NDArray

from avemo.errors import MediaError
from avemo.media.clip import Clip
from avemo.media.playback import Opening, Played, PlayedPicture, PlayedSound
from avemo.media.sandbox import GrowingFile, Limits, Sandbox

INTERVAL = Fraction(1, 4)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox(1)
    yield sandbox
    sandbox.close()


def moving(time: float) -> NDArray[np.uint8]:
    picture = np.full((96, 128, 3), 60, np.uint8)
    column = int(20 + 30 * time)
    picture[30:60, column : column + 20] = 200
    return picture


@pytest.fixture(scope="module", params=["mp4", "mp4-fast", "mkv", "webm-live", "ts"])
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("film") / request.param
    times = [number / 25 for number in range(50)]
    return write_timed_film(
        file, request.param, picture_times=times, draw=moving, sound=tone(2.0, 300)
    )


def comparable(part: Played) -> tuple[object, ...]:
    if isinstance(part, PlayedSound):
        return part.start, part.sample_rate, part.samples.tobytes()
    if isinstance(part, PlayedPicture):
        return part.time, None if part.image is None else part.image.tobytes()
    return (part,)


def test_a_film_is_the_same_to_the_last_bit(sandbox: Sandbox, film: Path) -> None:
    with Clip(film) as clip, sandbox.open(film) as job:
        other = job.clip
        assert other.streams() == clip.streams()
        np.testing.assert_array_equal(other.sound(16000), clip.sound(16000))
        assert other.voice(35.0) == clip.voice(35.0)
        assert other.voiced_span(35.0) == clip.voiced_span(35.0) is not None
        for mine, theirs in zip(clip.frames(7), other.frames(7), strict=True):
            assert mine.time_s == theirs.time_s
            np.testing.assert_array_equal(mine.image, theirs.image)
        played = [comparable(part) for part in clip.play(INTERVAL)]
        assert [comparable(part) for part in other.play(INTERVAL)] == played


@pytest.mark.parametrize("format", [*PLAIN, *CODED])
def test_every_format_decodes_without_opening_a_file(sandbox: Sandbox, format: str) -> None:
    content = encoded(voice(16000, 0.5), 16000, format)
    with sandbox.open(content) as job:
        np.testing.assert_array_equal(job.clip.sound(16000), Clip(content).sound(16000))


def test_a_film_that_is_still_arriving_is_the_same(
    sandbox: Sandbox, film: Path, tmp_path: Path
) -> None:
    content = film.read_bytes()
    arriving = GrowingFile(tmp_path / "upload")

    def feed() -> None:
        for start in range(0, len(content), 3000):
            arriving.append(content[start : start + 3000])
            time.sleep(0.001)
        arriving.finish()

    thread = threading.Thread(target=feed)
    thread.start()
    with sandbox.open(arriving) as job:
        parts = [comparable(part) for part in job.clip.play(INTERVAL)]
    thread.join()
    assert parts == [comparable(part) for part in Clip(film).play(INTERVAL)]


def test_an_upload_is_played_before_it_is_complete(sandbox: Sandbox, tmp_path: Path) -> None:
    file = write_timed_film(tmp_path / "film", "mkv", sound=np.tile(tone(1.0, 300), 60))
    content = file.read_bytes()
    arriving = GrowingFile(tmp_path / "upload")
    arriving.append(content[: len(content) // 2])
    with sandbox.open(arriving) as job:
        parts = job.clip.play(None)
        assert isinstance(next(parts), Opening)
        assert isinstance(next(parts), PlayedSound)
        arriving.append(content[len(content) // 2 :])
        arriving.finish()
        *_, last = parts
    assert isinstance(last, PlayedSound)
    assert float(last.end) == pytest.approx(60, abs=0.1)


@pytest.mark.slow
def test_an_upload_that_breaks_off_ends_the_answer(sandbox: Sandbox, tmp_path: Path) -> None:
    arriving = GrowingFile(tmp_path / "upload")
    arriving.append(encoded(voice(16000, 3.0), 16000, "flac-16")[:4000])
    threading.Timer(0.2, arriving.abort).start()
    with sandbox.open(arriving) as job, pytest.raises(MediaError, match="ended abnormally"):
        list(job.clip.play(None))
    with sandbox.open(encoded(voice(16000), 16000)) as job:  # the next one is served
        assert len(job.clip.sound(16000)) == 16000


@pytest.mark.slow
def test_a_job_that_nobody_waits_for_ends_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    arriving = GrowingFile(tmp_path / "upload")
    arriving.append(encoded(voice(16000, 3.0), 16000, "flac-16")[:4000])
    with sandbox.open(arriving) as job:
        threading.Timer(0.2, job.kill).start()
        started = time.monotonic()
        with pytest.raises(MediaError):
            list(job.clip.play(None))
        assert time.monotonic() - started < 5
    with sandbox.open(encoded(voice(16000), 16000)) as job:
        assert len(job.clip.sound(16000)) == 16000


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m3u8", "#EXTM3U\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n"),
        ("ffconcat", "ffconcat version 1.0\nfile {file}\nfile {url}\n"),
        ("sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio {port} RTP/AVP 0\n"),
        ("dash", '<?xml version="1.0"?><MPD><BaseURL>{url}</BaseURL></MPD>'),
    ],
)
def test_what_a_file_names_is_not_opened(
    sandbox: Sandbox, name: str, content: str, tmp_path: Path
) -> None:
    canary = tmp_path / "canary.wav"
    canary.write_bytes(encoded(voice(16000), 16000))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        text = content.format(url=f"http://127.0.0.1:{port}/x.ts", file=canary, port=port)
        with sandbox.open(text.encode()) as job, pytest.raises(MediaError):
            job.clip.sound(16000)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_the_process_can_open_no_file_and_no_connection() -> None:
    """What a decoder that was taken over could try is refused by the kernel."""
    code = (
        "from avemo.media.sandbox import confinement\n"
        "import os, socket\n"
        "confinement.limit_resources(confinement.Limits())\n"
        "if not confinement.forbid_system_calls(): raise SystemExit(77)\n"
        "def attempt(function, *arguments):\n"
        "    try: function(*arguments)\n"
        "    except OSError as error: return error.errno == 1\n"
        "    return False\n"
        "tries = [(open, '/etc/passwd'), (socket.socket,), (os.fork,), (os.kill, 1, 0),\n"
        "         (os.execv, '/bin/true', ['true']), (os.mkdir, '/tmp/x'), (os.unlink, '/tmp/x')]\n"
        "import threading; t = threading.Thread(target=int); t.start(); t.join()\n"
        "raise SystemExit([t[0].__name__ for t in tries if not attempt(*t)] or 0)\n"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode == 77:
        pytest.skip("this platform has no filter of system calls")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_picture_of_a_billion_pixels_is_refused_and_the_next_file_is_read(
    sandbox: Sandbox,
) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 9))
    for content in (png, b"RIFF\xff\xff\xff\x7fWAVEfmt " + b"\xff" * 1000):
        with sandbox.open(content) as job, pytest.raises(MediaError):
            job.clip.frames(4)
    with sandbox.open(encoded(voice(16000), 16000)) as job:
        assert len(job.clip.sound(16000)) == 16000


@pytest.mark.slow
def test_a_sound_that_is_too_long_for_one_prediction_says_so() -> None:
    sandbox = Sandbox(1, Limits(max_clip_s=2.0))
    try:
        with sandbox.open(encoded(voice(8000, 3.0), 8000, "flac-16")) as job:
            with pytest.raises(MediaError, match="longer than 2 s") as raised:
                job.clip.sound(16000)
            assert raised.value.finding == "too-long"
            assert sum(isinstance(part, PlayedSound) for part in job.clip.play(None))
    finally:
        sandbox.close()
