"""`avemo serve` with and without a candidate beside the champion: how long answers take."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import mlflow
import numpy as np
import requests

from avemo.errors import AvemoError
from avemo.registry.copy import copy_version
from avemo.tracking import integrity

from .following import mlflow_at, register_copy
from .http import connect_registry, find_films, mix_films
from .http_servers import (
    NAME,
    Answer,
    Request,
    Server,
    ask_service,
    run_registry,
    run_service,
    wait_until,
    write_project,
)
from .load import ask_in_turn, await_answer, quantile_s
from .measuring import Options
from .results import Benchmark, Comparison, compare

__all__ = ["run"]

ROUNDS = 3
CLIPS = 40
#: of the workers' time, that answers take: a service without a quiet moment compares nothing
LOAD = 0.4
SHARES = {"a fifth of the clips": 0.2, "every clip": 1.0}
_CHAMPION = f"models:/{NAME}@champion"


@dataclass
class _Side:
    """A service that is asked in each round.

    Args:
        settings: `serving.shadow` in its params.yaml
        p95_s: of each round
        counts: what became of the clips for the candidate, of all rounds
        emotions: of each clip
    """

    settings: dict[str, object]
    p95_s: list[float] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    emotions: dict[Path, str] = field(default_factory=dict)


def run(scratch: Path, options: Options) -> Benchmark:
    """Send clips at even moments to a service without a candidate and to one with, in turn."""
    load = os.getloadavg()[0]
    films, source = find_films(scratch, options)
    clips = mix_films(films, scratch / "clips")[:CLIPS]
    connect_registry()
    sides = {"none": _Side({})} | {
        name: _Side({"version": "candidate", "share": share}) for name, share in SHARES.items()
    }
    with run_registry(scratch / "registry") as registry, ExitStack() as stack:
        _fill_registry(registry.address, scratch / "altered")
        servers: dict[str, Server] = {}
        for name, side in sides.items():
            folder = scratch / name.replace(" ", "-")
            project = write_project(folder / "project", {"shadow": side.settings})
            server = run_service(registry.address, folder / "run", project, cache=scratch / "cache")
            servers[name] = stack.enter_context(server)
            await_answer(servers[name], ask_service(servers[name], clips[0]))
            if side.settings:
                wait_until(lambda server=servers[name]: _counts(server) is not None, servers[name])  # type: ignore[misc]
        interval_s = _interval_s(servers["none"], clips)
        for _ in range(ROUNDS):
            for name, side in sides.items():
                _measure(servers[name], side, clips, interval_s)
        for name, side in sides.items():
            side.counts = _counts(servers[name]) or {}
    return Benchmark(
        about=f"A client sends {len(clips)} clips of 720p with sound ({source}) at even moments, "
        f"one every {interval_s:.2f} s, to `avemo serve` with and, as other, without a second "
        f"version of the same files beside the champion, in turn, {ROUNDS} times each. Median of "
        "the rounds.",
        comparisons=_compare(sides),
        limit=_describe(sides, load),
    )


def _fill_registry(address: str, altered: Path) -> None:
    """Copy the champion into an empty registry, and once more as the candidate."""
    number = copy_version(_CHAMPION, address).copy.rpartition(" ")[2]
    with integrity.open_verified(_CHAMPION) as files:
        shutil.copytree(files, altered)
    (altered / "registered_model_meta").unlink(missing_ok=True)
    with mlflow_at(address):
        client = mlflow.MlflowClient()
        client.set_registered_model_alias(NAME, "champion", number)
        candidate = register_copy(client, altered, 1)
        client.set_registered_model_alias(NAME, "candidate", candidate)


def _interval_s(server: Server, clips: Sequence[Path]) -> float:
    """Return the time from one request to the next that leaves the workers the rest of it."""
    timed = ask_in_turn([ask_service(server, clip) for clip in clips[:10]])
    return float(np.median([answer.elapsed_s for answer in timed])) / LOAD


def _measure(server: Server, side: _Side, clips: Sequence[Path], interval_s: float) -> None:
    """Send each clip at its moment, and take the time from then: who waits is delayed, too."""
    requests_ = [ask_service(server, clip) for clip in clips]
    with requests.Session() as session:
        timed = list(_send_evenly(session, requests_, interval_s))
    failed = [answer for answer in timed if answer.status != 200]
    if failed:
        raise AvemoError(f"{len(failed)} requests have no answer: {server.written()[-300:]}")
    if side.settings:  # what waits for the candidate must not slow the other side down
        wait_until(lambda: not (_counts(server) or {"waiting": 1})["waiting"], server)
    side.p95_s.append(quantile_s(timed, 0.95))
    side.emotions |= {answer.clip: answer.emotion for answer in timed}


def _send_evenly(
    session: requests.Session, requests_: Sequence[Request], interval_s: float
) -> list[Answer]:
    start = time.monotonic()
    timed = []
    for number, request in enumerate(requests_):
        time.sleep(max(0.0, start + number * interval_s - time.monotonic()))
        timed.append(request(session))
    return timed


def _compare(sides: dict[str, _Side]) -> list[Comparison]:
    alone = sides["none"]
    rows = [
        compare(
            f"p95 of an answer, {name} compared",
            side.p95_s,
            alone.p95_s,
            figure="{:.3f} s",
            target="at most 1.05",
        )
        for name, side in sides.items()
        if side.settings
    ]
    for name, side in sides.items():
        if side.settings:
            differ = sum(side.emotions[clip] != alone.emotions[clip] for clip in alone.emotions)
            rows.append(
                Comparison(
                    what=f"other answers than without, {name} compared",
                    ours=str(differ),
                    other="-",
                    ratio=None,
                    target="0",
                )
            )
    return rows


def _describe(sides: dict[str, _Side], load: float) -> str:
    texts = []
    for name, side in sides.items():
        if side.settings:
            counts = side.counts
            texts.append(
                f"{name}: {counts['compared']} of {counts['requests']} clips compared, "
                f"{counts['not_drawn']} not drawn, {counts['dropped']} dropped, "
                f"{counts['failed']} failed, {counts['waiting']} waiting"
            )
    return f"{'. '.join(texts)}. The machine's load before: {load:.1f}."


def _counts(server: Server) -> dict[str, int] | None:
    """Return what became of the clips for the candidate; None where it is not compared."""
    shadow = requests.get(f"{server.address}/readyz", timeout=30).json()["shadow"]
    counts = shadow and shadow["counts"]
    if not counts:
        return None
    return {
        name: sum(value.values()) if isinstance(value, dict) else value
        for name, value in counts.items()
    }
