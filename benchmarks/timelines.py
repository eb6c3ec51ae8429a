"""The timeline of ten minutes of 720p: against real time, against its own first minute, and fer."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from statistics import median

import av
import requests
from av import Packet
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.stream import Stream

from avemo.registry import version_cache
from avemo.tracking.lookup import find_versions

from .environments import ChildResult, Comparator, run_child
from .http import connect_registry, find_films
from .http_servers import CHECKOUT, NAME, Server, ask_service, run_service, write_project
from .load import await_answer
from .measuring import Options
from .results import Benchmark, Comparison, compare

__all__ = ["join_films", "run"]

SHORT_S, LONG_S = 60, 600
_SCRIPT = Path(__file__).parent / "comparators" / "timeline.py"


@dataclass(frozen=True)
class _Served:
    """A timeline that the service gave.

    Args:
        first_s: from the request to the first row
        wall_s: to the last
        peak_mb: the largest memory of the service and its processes, each at its own time
    """

    first_s: float
    wall_s: float
    peak_mb: float


def run(scratch: Path, options: Options) -> Benchmark:
    """Compute timelines by the library and by the service, and of the first minute by `fer`."""
    clips, source = find_films(scratch, options)
    registry = connect_registry()
    champion = find_versions([f"models:/{NAME}@champion"])[f"models:/{NAME}@champion"]
    assert champion, "connect_registry has seen to it"
    folder = version_cache.get(champion)
    films = {
        length_s: join_films(clips, scratch / f"{length_s}.mp4", length_s)
        for length_s in (SHORT_S, LONG_S)
    }
    lengths_s = {length_s: _duration_s(film) for length_s, film in films.items()}
    children = {length_s: _run_library(folder, clips[0], film) for length_s, film in films.items()}
    project = write_project(scratch / "project", {})
    served = {}
    for length_s, film in films.items():
        with run_service(registry, scratch / "run", project) as server:
            await_answer(server, ask_service(server, clips[0]))
            served[length_s] = _ask_service(server, film)
    return Benchmark(
        about=f"A film of {lengths_s[LONG_S]:.0f} s of 720p with sound, of {len(clips)} clips one "
        f"after the other ({source}), by `Recogniser.timeline` of the champion in a process of its "
        "own, networks loaded, and by `POST /v1/timeline` of `avemo serve`, which decodes in "
        "another process. `fer`: every frame by `Video.analyze`, without sound.",
        comparisons=[
            *_compare_library(children, lengths_s),
            *_compare_served(served, lengths_s),
            *_compare_fer(films[SHORT_S], children[LONG_S], lengths_s),
        ],
        limit=_describe(children[LONG_S], lengths_s[LONG_S]),
    )


def join_films(clips: Sequence[Path], target: Path, length_s: float) -> Path:
    """Write clips one after the other into one film, as they are encoded, and again from the start.

    Args:
        clips: of the same codecs and sizes, with sound and picture
        target: the film
        length_s: it ends with the clip that reaches this length, in seconds
    """
    shift = Fraction(0)
    with av.open(str(target), "w", options={"movflags": "faststart"}) as film:
        streams: dict[str, Stream] = {}
        for clip in cycle(clips):
            with av.open(str(clip)) as source:
                kinds = (source.streams.video[0], source.streams.audio[0])
                if not streams:
                    streams = {kind.type: film.add_stream_from_template(kind) for kind in kinds}
                ends = [shift]
                for packet in _self_contained(source, kinds, streams["video"]):
                    time_base = packet.stream.time_base
                    if packet.dts is None or packet.pts is None or time_base is None:
                        continue
                    ticks = round(shift / time_base)
                    packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                    ends.append((packet.pts + (packet.duration or 0)) * time_base)
                    packet.time_base = time_base
                    packet.stream = streams[packet.stream.type]
                    film.mux(packet)
            shift = max(ends)
            if shift >= length_s:
                return target
    raise AssertionError("clips are cycled without an end")


def _self_contained(
    source: InputContainer, kinds: Sequence[Stream], target: Stream
) -> Iterator[Packet[Stream]]:
    """Yield a clip's packets with its own settings of H.264, which an MP4 file has but once."""
    video = kinds[0]
    if video.codec_context.name != "h264":
        yield from source.demux(*kinds)
        return
    annex_b = BitStreamFilterContext("h264_mp4toannexb", video, target)
    for packet in source.demux(*kinds):
        if packet.stream is not video:
            yield packet
        elif packet.dts is not None:
            for filtered in annex_b.filter(packet):
                filtered.stream = video
                yield filtered


def _duration_s(film: Path) -> float:
    with av.open(str(film)) as container:
        return (container.duration or 0) / 1e6


def _run_library(folder: Path, clip: Path, film: Path) -> ChildResult:
    return run_child(Path(sys.executable), _SCRIPT, folder, clip, film, PYTHONPATH=str(CHECKOUT))


def _ask_service(server: Server, film: Path) -> _Served:
    start = time.perf_counter()
    with film.open("rb") as content:
        response = requests.post(
            f"{server.address}/v1/timeline",
            content,
            headers={"Content-Type": "video/mp4"},
            stream=True,
            timeout=600,
        )
    lines = response.iter_lines()
    next(lines), next(lines)
    first_s = time.perf_counter() - start
    last = json.loads(list(lines)[-1])
    wall_s = time.perf_counter() - start
    if not last.get("end"):
        raise RuntimeError(f"the timeline has no end: {last}")
    return _Served(first_s, wall_s, sum(_peak_mb(pid) for pid in server.group()))


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(fields["VmHWM"].split()[0]) / 1024


def _compare_library(
    children: dict[int, ChildResult], lengths_s: dict[int, float]
) -> list[Comparison]:
    long, short = children[LONG_S], children[SHORT_S]
    minutes_s = long.output["minute_s"]
    wall_s, length_s = long.output["wall_s"], lengths_s[LONG_S]
    return [
        Comparison(
            what="the film's length, of the time its timeline takes",
            ours=f"{wall_s:.0f} s",
            other=f"{length_s:.0f} s of film",
            ratio=length_s / wall_s,
            target="at least 5",
        ),
        Comparison(
            what="time for a minute: the last two against the first two",
            ours=f"{median(minutes_s[-2:]):.1f} s",
            other=f"{median(minutes_s[:2]):.1f} s",
            ratio=median(minutes_s[-2:]) / median(minutes_s[:2]),
            target="0.9 to 1.1",
            rounds={"ours": minutes_s},
        ),
        Comparison(
            what="peak memory, against that on a minute",
            ours=f"{long.peak_mb:.0f} MB",
            other=f"{short.peak_mb:.0f} MB",
            ratio=long.peak_mb / short.peak_mb,
            target="at most 1.1",
        ),
    ]


def _compare_served(served: dict[int, _Served], lengths_s: dict[int, float]) -> list[Comparison]:
    long, short = served[LONG_S], served[SHORT_S]
    length_s = lengths_s[LONG_S]
    return [
        Comparison(
            what="the same through `avemo serve`, upload included",
            ours=f"{long.wall_s:.0f} s",
            other=f"{length_s:.0f} s of film",
            ratio=length_s / long.wall_s,
            target="at least 5",
        ),
        Comparison(
            what="its first row",
            ours=f"{long.first_s:.1f} s",
            other=f"{short.first_s:.1f} s, of a film of a minute",
            ratio=None,
            target="-",
        ),
        Comparison(
            what="peak memory of its processes together, against that on a minute",
            ours=f"{long.peak_mb:.0f} MB",
            other=f"{short.peak_mb:.0f} MB",
            ratio=long.peak_mb / short.peak_mb,
            target="at most 1.1",
        ),
    ]


def _compare_fer(film: Path, long: ChildResult, lengths_s: dict[int, float]) -> list[Comparison]:
    fer = Comparator("fer")
    ours = {
        "time for a minute of film, `fer` on the first": long.output["wall_s"],
        "the same in processor time": long.processor_s,
    }
    minutes = lengths_s[LONG_S] / 60
    if fer.absent:
        return [
            compare(what, [seconds / minutes], fer.absent, figure="{:.1f} s", target="-")
            for what, seconds in ours.items()
        ]
    output = fer.run("films", film)
    theirs = (output["film_wall_s"], output["film_s"])
    scale = 60 / lengths_s[SHORT_S]
    return [
        compare(what, [ours[what] / minutes], [other * scale], figure="{:.1f} s", target="-")
        for what, other in zip(ours, theirs, strict=True)
    ]


def _describe(child: ChildResult, length_s: float) -> str:
    wall_s = child.output["wall_s"]
    return (
        f"{child.output['rows']} rows. A second of film takes "
        f"{1000 * child.processor_s / length_s:.0f} ms of a core, and the two threads (one decodes "
        "and looks for faces, the other runs the networks) keep "
        f"{child.processor_s / wall_s:.1f} cores busy."
    )
