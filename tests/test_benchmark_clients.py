"""The films that the benchmarks of the service are measured on, and their clients."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import pytest
import requests
from helpers.films import write_film

from benchmarks.http import mix_films
from benchmarks.http_servers import Answer, Request
from benchmarks.load import ask_in_turn, load_of, quantile_s, send_all
from benchmarks.timelines import join_films

CLIP = Path("clip.mp4")


class _EchoHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def address() -> Iterator[str]:
    """A server that sends back what it receives."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _EchoHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_clients_share_requests_and_each_is_answered_once(address: str) -> None:
    def ask(number: int) -> Answer:
        text = requests.post(address, str(number), timeout=10).text
        return Answer(CLIP, 200, text, 0.1)

    asked = [lambda _, number=number: ask(number) for number in range(20)]
    answers, elapsed_s = send_all(asked, clients=4)
    assert [answer.emotion for answer in answers] == [str(number) for number in range(20)]
    assert elapsed_s > 0
    assert [answer.emotion for answer in ask_in_turn(asked[:3])] == ["0", "1", "2"]


@pytest.mark.slow
def test_a_load_goes_on_until_its_block_ends_and_keeps_failures(address: str) -> None:
    def ask(session: requests.Session) -> Answer:
        try:
            return Answer(CLIP, session.post(address, "sad", timeout=10).status_code, "sad", 0.1)
        except requests.RequestException:
            return Answer(CLIP, 0, "", 0.1)

    def fail(_: requests.Session) -> Answer:
        return Answer(CLIP, 0, "", 0.1)

    current: list[Request] = [ask]
    with load_of(3, lambda: current) as load:
        while len(load.responses) < 30:
            pass
        current[:] = [fail]
        while load.responses[-1].status:
            pass
    statuses = [answer.status for answer in load.responses]
    assert set(statuses) == {200, 0}
    times = sorted(answer.ended_at for answer in load.responses)
    assert len(load.between(times[0], times[-1])) == len(times) - times.count(times[-1])


def test_a_quantile_is_of_the_time_that_answers_take() -> None:
    answers = [Answer(CLIP, 200, "sad", seconds) for seconds in (0.1, 0.2, 0.3)]
    assert quantile_s(answers, 0.5) == pytest.approx(0.2)


def test_clips_joined_have_time_stamps_that_go_on(tmp_path: Path) -> None:
    clips = [write_film(tmp_path / f"{number}.mov") for number in range(2)]
    film = join_films(clips, tmp_path / "film.mov", 5)
    with av.open(str(film)) as container:
        pictures = [frame.time for frame in container.decode(video=0)]
    assert pictures == pytest.approx([number / 25 for number in range(125)])
    with av.open(str(film)) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == 5 * 16000


def test_each_picture_is_mixed_with_each_sound(tmp_path: Path) -> None:
    films = [write_film(tmp_path / f"{number}.mov") for number in range(2)]
    clips = mix_films(films, tmp_path / "clips", suffix=".mov")
    assert [clip.name for clip in clips] == ["0_0.mov", "1_0.mov", "0_1.mov", "1_1.mov"]
    for clip in clips:
        with av.open(str(clip)) as container:
            assert sum(1 for _ in container.decode(video=0)) == 25
