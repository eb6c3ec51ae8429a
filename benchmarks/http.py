"""The champion behind `avemo serve`, against the same version behind `mlflow models serve`."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import median

import av
import requests

from avemo.errors import AvemoError
from avemo.paths import find_project
from avemo.serving.admission import estimate_seconds
from avemo.tracking import integrity, store

from .http_servers import (
    NAME,
    Answer,
    Request,
    Server,
    ask_mlflow,
    ask_service,
    run_mlflow_model,
    run_service,
    write_project,
)
from .load import ask_in_turn, await_answer, quantile_s, send_all
from .measuring import Options, find_recordings
from .results import Benchmark, Comparison, compare
from .serving import describe_next

__all__ = ["connect_registry", "find_films", "mix_films", "run"]

STARTS = 3
ROUNDS = 1
#: clips that are sent one after the other in a round
SINGLE = 40
CLIPS, CLIENTS = 200, 8
#: clips that fit in the queue of the service whose bound is tested
QUEUE_CLIPS = 8
WORKERS = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class _Side:
    """One of the two servers: how it is started and asked."""

    start: Callable[[], AbstractContextManager[Server]]
    ask: Callable[[Server, Path], Request]


@dataclass
class _Figures:
    """What was measured of one side."""

    start_s: list[float] = field(default_factory=list)
    median_s: list[float] = field(default_factory=list)
    p95_s: list[float] = field(default_factory=list)
    clips_per_s: list[float] = field(default_factory=list)
    clip_processor_s: list[float] = field(default_factory=list)
    failed: int = 0


@dataclass(frozen=True)
class _Crowd:
    """Twice as many clips at once as the queue takes.

    Args:
        first: the answers to all
        second: those to clips that were refused, when they came again as they were told
    """

    first: list[Answer]
    second: list[Answer]

    @property
    def refused(self) -> list[Answer]:
        return [answer for answer in self.first if answer.status == 503]

    @property
    def failed(self) -> int:
        """How many were neither answered nor refused."""
        return sum(not answer.emotion and answer.status != 503 for answer in self.first)


def run(scratch: Path, options: Options) -> Benchmark:
    """Start both servers in turn, and send clips to each."""
    load = os.getloadavg()[0]
    films, source = find_films(scratch, options)
    clips = mix_films(films, scratch / "clips")
    registry = connect_registry()
    project = write_project(scratch / "project", {})
    sides = {
        "ours": _Side(lambda: run_service(registry, scratch / "run", project), ask_service),
        "other": _Side(lambda: run_mlflow_model(registry, scratch / "run"), ask_mlflow),
    }
    figures = {name: _Figures() for name in sides}
    for number in range(STARTS):
        for name, side in sides.items():
            _measure_server(side, clips, figures[name], with_load=number >= STARTS - ROUNDS)
    crowd, crowd_at_other = _send_crowds(scratch, registry, films)
    return Benchmark(
        about=f"The champion behind `avemo serve` and, as other, behind `mlflow models serve "
        f"--env-manager local`: the same version, on {len(clips)} clips of 720p with sound, of "
        f"{median(map(_megabytes, clips)):.1f} MB in the median (the picture of each of "
        f"{len(films)} films with the sound of each; {source}). The clients run on the same "
        "machine; what they send to the other is JSON, made beforehand.",
        comparisons=_compare_figures(figures) + _compare_crowds(crowd, crowd_at_other),
        limit=_describe(films, figures, load),
    )


def connect_registry() -> str:
    """Return the URI of the project's registry, which has a champion.

    Raises:
        AvemoError: it has none
    """
    store.connect(find_project(), spool=False)
    champion = f"models:/{NAME}@champion"
    if not integrity.find_version(champion):
        raise AvemoError(f"there is no {champion} to measure: run `dvc repro`")
    return os.environ[store.TRACKING_URI]


def find_films(scratch: Path, options: Options) -> tuple[list[Path], str]:
    """Return films with sound, and what the table calls them."""
    films, source = find_recordings(scratch, options.recordings, ".mp4")
    return [film for film in films if film.name.startswith("01-")], source


def mix_films(films: Sequence[Path], folder: Path, suffix: str = ".mp4") -> list[Path]:
    """Write each film's picture with each film's sound, as they are encoded.

    Which frames are looked at depends on the sound: so hardly a face comes twice, as a version
    keeps what its network says of the last 128 faces. Neighbours have other pictures.

    Args:
        films: with sound, of the same format
        folder: of the clips, which must not exist yet
        suffix: of the clips, which decides their container
    """
    folder.mkdir()
    clips = []
    for turn, (number, film) in product(range(len(films)), enumerate(films)):
        clip = folder / f"{film.stem}_{turn}{suffix}"
        with (
            av.open(str(clip), "w", options={"movflags": "faststart"}) as mixed,
            av.open(str(film)) as picture,
            av.open(str(films[(number + turn) % len(films)])) as sound,
        ):
            sources = [(picture, picture.streams.video[0]), (sound, sound.streams.audio[0])]
            targets = [mixed.add_stream_from_template(stream) for _, stream in sources]
            for (source, stream), target in zip(sources, targets, strict=True):
                for packet in source.demux(stream):
                    if packet.dts is not None:
                        packet.stream = target
                        mixed.mux(packet)
        clips.append(clip)
    return clips


def _measure_server(side: _Side, clips: list[Path], figures: _Figures, *, with_load: bool) -> None:
    start = time.perf_counter()
    with side.start() as server:
        requests_ = [side.ask(server, clip) for clip in clips]
        await_answer(server, requests_[0])
        figures.start_s.append(time.perf_counter() - start)
        if not with_load:
            return
        responses = ask_in_turn(requests_[:SINGLE])
        figures.median_s.append(quantile_s(responses, 0.5))
        figures.p95_s.append(quantile_s(responses, 0.95))
        shared = [requests_[number % len(requests_)] for number in range(CLIPS)]
        before_s = server.processor_s()
        loaded, elapsed_s = send_all(shared, CLIENTS)
        figures.clip_processor_s.append((server.processor_s() - before_s) / CLIPS)
        figures.clips_per_s.append(CLIPS / elapsed_s)
        figures.failed += sum(not answer.emotion for answer in responses + loaded)


def _compare_figures(figures: dict[str, _Figures]) -> list[Comparison]:
    ours, other = figures["ours"], figures["other"]
    return [
        compare(
            "from the start to the first answer",
            ours.start_s,
            other.start_s,
            figure="{:.1f} s",
            target="at most 1/4",
        ),
        compare(
            "one clip, median",
            ours.median_s,
            other.median_s,
            figure="{:.3f} s",
            target="at most 0.6",
        ),
        compare(
            "one clip, ours at p95, the other's median",
            ours.p95_s,
            other.median_s,
            figure="{:.3f} s",
            target="below 1",
        ),
        compare(
            "one clip, p95",
            ours.p95_s,
            other.p95_s,
            figure="{:.3f} s",
            target="-",
        ),
        compare(
            f"{CLIPS} clips from {CLIENTS} clients",
            ours.clips_per_s,
            other.clips_per_s,
            figure="{:.2f} clips/s",
            target="at least 1.8",
        ),
        compare(
            "processor time of each of them, all processes of the server",
            ours.clip_processor_s,
            other.clip_processor_s,
            figure="{:.3f} s",
            target="-",
        ),
        Comparison(
            what=f"of {ROUNDS * (CLIPS + SINGLE)} requests, without an answer",
            ours=str(ours.failed),
            other=str(other.failed),
            ratio=None,
            target="0",
        ),
    ]


def _send_crowds(scratch: Path, registry: str, films: list[Path]) -> tuple[_Crowd, _Crowd]:
    """Send both servers twice as many clips at once as the queue of ours takes."""
    film = films[0]
    queue_s = estimate_seconds(film.stat().st_size) * (QUEUE_CLIPS + 0.5)
    project = write_project(scratch / "bounded", {"max_queue_s": queue_s, "timeout_s": 300.0})
    clips = 2 * QUEUE_CLIPS + WORKERS
    with run_service(registry, scratch / "run", project) as server:
        crowd = _send_crowd(server, ask_service(server, film), clips)
    with run_mlflow_model(registry, scratch / "run") as server:
        crowd_at_other = _send_crowd(server, ask_mlflow(server, film), clips)
    return crowd, crowd_at_other


def _send_crowd(server: Server, request: Request, clips: int) -> _Crowd:
    await_answer(server, request)
    ask_in_turn([request] * 5)  # so that a rate is measured
    together = threading.Barrier(clips)

    def send(_: int) -> tuple[Answer, Answer | None]:
        with requests.Session() as session:
            together.wait()
            first = request(session)
            if first.retry_after_s is None:
                return first, None
            time.sleep(first.retry_after_s)
            return first, request(session)

    with ThreadPoolExecutor(clips) as pool:
        pairs = list(pool.map(send, range(clips)))
    return _Crowd([first for first, _ in pairs], [second for _, second in pairs if second])


def _compare_crowds(ours: _Crowd, other: _Crowd) -> list[Comparison]:
    slowest_s = max(answer.elapsed_s for answer in ours.refused)
    answered = sum(bool(answer.emotion) for answer in ours.second)
    waited = [answer.elapsed_s for answer in other.first if answer.emotion]
    other_text = (
        f"refuses none; answers within {max(waited):.1f} s; {other.failed} without an answer"
    )
    return [
        Comparison(
            what=f"{len(ours.first)} clips at once, room for {QUEUE_CLIPS} to wait: the slowest of "
            f"{len(ours.refused)} refusals",
            ours=f"{1000 * slowest_s:.0f} ms",
            other=other_text,
            ratio=None,
            target="at most 50 ms",
            rounds={"ours": [answer.elapsed_s for answer in ours.refused], "other": waited},
        ),
        Comparison(
            what="of those refused, answered at the second try, after Retry-After",
            ours=f"{100 * answered / len(ours.second):.0f} %",
            other="-",
            ratio=None,
            target="at least 95 %",
            rounds={"ours": [float(answer.retry_after_s or 0) for answer in ours.refused]},
        ),
    ]


def _megabytes(file: Path) -> float:
    return file.stat().st_size / 1e6


def _describe(films: Sequence[Path], figures: dict[str, _Figures], load: float) -> str:
    """Return what bounds both sides: they run the same code of the version."""
    return (
        "Both run the version's own code, which takes nearly all of the time; ours decodes in "
        "another process, at the same time as the faces are looked for. "
        f"{describe_next(list(films), median(figures['ours'].clip_processor_s))} The machine's "
        f"load, with {WORKERS} cores, was {load:.1f} before it began, and {os.getloadavg()[1]:.1f} "
        "at its end, with its own."
    )
