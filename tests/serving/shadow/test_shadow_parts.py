"""The parts of the comparison on real requests: the draw, the backlog, the moment, the options."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from avemo.cli import main
from avemo.inference.prediction import Prediction
from avemo.serving.asgi import Receive, Scope, Send
from avemo.serving.shadow.backlog import Backlog, WaitingClip
from avemo.serving.shadow.comparison import total_variation
from avemo.serving.shadow.draw import is_drawn
from avemo.serving.shadow.request import AfterAnswer, current_request
from avemo.tracking import store


def test_the_same_clip_always_is_or_is_not_in_the_sample(tmp_path: Path) -> None:
    clips = [os.urandom(200 + 1000 * (number % 200)) for number in range(400)]
    drawn = [is_drawn(clip, 0.2) for clip in clips]
    assert 40 < sum(drawn) < 130  # 80 are expected; outside once in 100,000 runs
    file = tmp_path / "clip"
    for clip, was_drawn in zip(clips[:50], drawn, strict=False):
        file.write_bytes(clip)
        assert is_drawn(file, 0.2) is was_drawn
        assert is_drawn(clip, 0.5) or not was_drawn  # a larger share has all of a smaller one
        assert is_drawn(clip, 1.0)


def test_total_variation() -> None:
    assert total_variation({"sad": 0.7, "calm": 0.3}, {"sad": 0.7, "calm": 0.3}) == 0
    assert total_variation({"sad": 1.0, "calm": 0.0}, {"sad": 0.25, "calm": 0.75}) == 0.75
    assert total_variation({"sad": 1.0}, {"calm": 1.0}) == 1


def test_a_backlog_is_bounded_and_keeps_an_upload_that_its_request_deletes(tmp_path: Path) -> None:
    backlog = Backlog(tmp_path, spool_bytes=1000)
    upload = tmp_path / "upload"
    upload.write_bytes(b"x" * 60)
    assert not backlog.has_place(101)
    file, content = backlog.keep(upload, 60)
    upload.unlink()
    assert (file.read_bytes(), content) == (b"x" * 60, None)
    assert not backlog.has_place(60)
    for _ in range(15):
        assert backlog.has_place(0)
        backlog.keep(b"", 0)
    assert not backlog.has_place(0)
    backlog.close()
    assert list(tmp_path.iterdir()) == []


def test_a_clip_is_handed_over_when_the_last_byte_has_been_sent() -> None:
    events: list[object] = []
    clip: Any = object()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def predict() -> None:
            request = current_request()
            assert request
            request.clips.append(clip)
            events.append(request.source)

        await asyncio.create_task(predict())  # as a form of several files does
        await send({"type": "http.response.body"})

    async def send(message: object) -> None:
        events.append("sent")

    async def receive() -> dict[str, object]:
        raise AssertionError

    def release(clips: list[WaitingClip]) -> None:
        events.append(clips)

    app = AfterAnswer(answer, release=release)
    scope: Scope = {"type": "http", "headers": [(b"x-avemo-source", b"camera 3")]}
    asyncio.run(app(scope, receive, send))
    assert events == ["camera 3", "sent", [clip]]
    assert current_request() is None


def test_what_the_command_refuses(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(store.TRACKING_URI, "http://127.0.0.1:9")
    for options, text in (
        (("--share", "0.2"), "name the version, --shadow candidate"),
        (("--shadow", "candidate", "--share", "0"), "compares nothing"),
        (("--shadow", "candidate", "--engine", "ray"), "is for --engine local"),
    ):
        assert main(["serve", *options]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert text in line


def test_a_clip_in_memory_is_written_when_it_is_its_turn(tmp_path: Path) -> None:
    backlog = Backlog(tmp_path, spool_bytes=1000)
    file, content = backlog.keep(b"media", 5)
    assert not file.exists()
    nothing: Any = None
    clip = WaitingClip(nothing, file, content, 5, None, Prediction(), nothing)
    assert clip.bring().read_bytes() == b"media"
    backlog.delete(clip)
    assert not file.exists()
