"""Versions come and go under load: `avemo serve` follows, `mlflow models serve` is restarted."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import mlflow
import numpy as np
import requests

from avemo.errors import AvemoError
from avemo.registry.copy import copy_version
from avemo.tracking import integrity, store

from .http import connect_registry, find_films, mix_films
from .http_servers import (
    NAME,
    Answer,
    Request,
    Server,
    ask_mlflow,
    ask_service,
    run_mlflow_model,
    run_registry,
    run_service,
    wait_until,
    write_project,
)
from .load import Load, ask_in_turn, await_answer, load_of, quantile_s
from .measuring import Options
from .results import Benchmark, Comparison

__all__ = ["mlflow_at", "register_copy", "run"]

CLIENTS = 8
CLIPS = 14
QUIET_S = 30.0
#: between two changes
PAUSE_S = 5.0
AWAY_S = 60.0
#: after so long, whoever restarts a server gives a new version up
RESTART_S = 60.0
POLL_S = 1.0
_CHAMPION = f"models:/{NAME}@champion"
_RAISE = "\n\nraise RuntimeError('it cannot be loaded')\n"


@dataclass(frozen=True)
class _Versions:
    """The versions of the registry, by their numbers.

    Args:
        good: the first is served when the load begins; all answer alike
        bad: by what is wrong with each
    """

    good: list[str]
    bad: dict[str, str]


@dataclass
class _Outcome:
    """What became of the clients' requests.

    Args:
        quiet: the answers before the first change
        changing: those from the first change on
        expected: the emotion of each clip
        switch_s: from the alias's move until the version it names answers, or is refused
    """

    quiet: list[Answer] = field(default_factory=list)
    changing: list[Answer] = field(default_factory=list)
    expected: dict[Path, str] = field(default_factory=dict)
    switch_s: dict[str, list[float]] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """How many requests had no answer."""
        return sum(answer.status != 200 for answer in self.changing)

    @property
    def wrong(self) -> int:
        """How many were answered otherwise than before, or with no number."""
        return sum(
            answer.status == 200 and answer.emotion != self.expected[answer.clip]
            for answer in self.changing
        )


def run(scratch: Path, options: Options) -> Benchmark:
    """Move the alias under load: with `avemo serve`, then with a server that is restarted."""
    films, source = find_films(scratch, options)
    clips = mix_films(films, scratch / "clips")[:CLIPS]
    connect_registry()
    folder = scratch / "registry"
    with ExitStack() as stack:
        registry = stack.enter_context(run_registry(folder))
        versions = _fill_registry(registry.address, folder, scratch / "altered")
        ours = _follow(scratch, registry, folder, versions, clips, stack)
    with run_registry(folder) as registry, mlflow_at(registry.address):
        other = _restart(scratch, registry.address, versions, clips)
    return Benchmark(
        about=f"{CLIENTS} clients send clips of 720p ({source}) on and on, while the alias moves: "
        "three promotions, a rollback, a version with a flipped byte, one that raises when it is "
        f"loaded, one that answers NaN; then the registry is away for {AWAY_S:.0f} s. Ours: "
        f"`avemo serve`, which asks the registry every {POLL_S:.0f} s. Other: `mlflow models serve`"
        " on the same clips, restarted at each move of the alias; a version that does not answer "
        f"within {RESTART_S:.0f} s, or ends, is given up for the one before. It does not ask the "
        "registry as it runs.",
        comparisons=_compare(ours, other),
        limit=_describe(ours, other),
    )


def _fill_registry(address: str, folder: Path, altered: Path) -> _Versions:
    """Copy the champion into an empty registry, several times, and with faults."""
    copied = copy_version(_CHAMPION, address)
    first = copied.copy.rpartition(" ")[2]
    with integrity.open_verified(_CHAMPION) as files:
        shutil.copytree(files, altered)
    (altered / "registered_model_meta").unlink(missing_ok=True)
    with mlflow_at(address):
        client = mlflow.MlflowClient()
        client.set_registered_model_alias(NAME, "champion", first)
        good = [first, *(register_copy(client, altered, number) for number in range(3))]
        flipped = register_copy(client, altered, 3)
        model = integrity.logged_model_id(client.get_model_version(NAME, flipped))
        (stored,) = folder.glob(f"artifacts/**/{model}/**/network.onnx")
        _flip_byte(stored)
        (recogniser,) = altered.glob("code/avemo_*/inference/recogniser.py")
        code = recogniser.read_text(encoding="utf-8")
        recogniser.write_text(code + _RAISE, encoding="utf-8")
        raises = register_copy(client, altered, 4)
        recogniser.write_text(code, encoding="utf-8")
        _forget_numbers(next(altered.rglob("network.onnx")))
        unsound = register_copy(client, altered, 5)
    bad = {"a flipped byte": flipped, "raises at load": raises, "answers NaN": unsound}
    return _Versions(good, bad)


def register_copy(client: mlflow.MlflowClient, files: Path, number: int) -> str:
    """Register files as a version of the champion's model, and return its number."""
    (files / integrity.CHECKSUMS_FILE).unlink(missing_ok=True)
    original = client.get_model_version_by_alias(NAME, "champion")
    (files / "note.txt").write_text(f"copy {number}\n", encoding="utf-8")
    run_id = original.run_id or ""
    model = client.create_logged_model(
        client.get_run(run_id).info.experiment_id, f"copy-{number}", run_id
    )
    client.log_model_artifacts(model.model_id, str(files))
    seal = integrity.seal_model(model.model_id)
    client.finalize_logged_model(model.model_id, "READY")
    version = client.create_model_version(
        NAME,
        f"models:/{model.model_id}",
        run_id,
        tags=original.tags | {integrity.CHECKSUMS_TAG: seal},
        model_id=model.model_id,
    )
    return str(version.version)


def _flip_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _forget_numbers(network: Path) -> None:
    """Put NaN in the place of a network's largest weights."""
    import onnx

    model = onnx.load(network)
    floats = [tensor for tensor in model.graph.initializer if tensor.data_type == 1]
    weights = max(floats, key=lambda tensor: int(np.prod(tensor.dims)))
    values = np.full_like(onnx.numpy_helper.to_array(weights), np.nan)
    weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))
    onnx.save(model, network)


def _follow(
    scratch: Path,
    registry: Server,
    folder: Path,
    versions: _Versions,
    clips: Sequence[Path],
    stack: ExitStack,
) -> _Outcome:
    """Move the alias, and let the service follow it."""
    outcome = _Outcome()
    address = registry.address
    project = write_project(scratch / "project", {"poll_s": POLL_S})
    server = stack.enter_context(
        run_service(address, scratch / "run", project, cache=scratch / "cache")
    )
    sent = [ask_service(server, clip) for clip in clips]
    await_answer(server, sent[0])
    outcome.expected = _ask_all(sent)

    def move(kind: str, version: str, until: Callable[[], bool]) -> None:
        start = time.monotonic()
        _set_champion(version)
        wait_until(until, server)
        outcome.switch_s.setdefault(kind, []).append(time.monotonic() - start)
        time.sleep(PAUSE_S)

    with mlflow_at(address), load_of(CLIENTS, lambda: sent) as load:
        start = _wait_quietly(load, outcome)
        for kind, version in _moves(versions):
            move(kind, version, lambda version=version: _served(server) == version)  # type: ignore[misc]
        served = _served(server)
        for kind, version in versions.bad.items():
            label = f"{NAME} version {version}"
            move(kind, version, lambda label=label: _refused(server) == label)  # type: ignore[misc]
        move("back", served, lambda: not _refused(server))
        registry.kill()
        time.sleep(AWAY_S)
        port = int(address.rpartition(":")[2])
        stack.enter_context(run_registry(folder, port))
        wait_until(lambda: bool(_ready(server)["registry"]["answers"]), server)
        time.sleep(PAUSE_S)
        outcome.changing = load.between(start, time.monotonic())
    return outcome


def _restart(scratch: Path, address: str, versions: _Versions, clips: Sequence[Path]) -> _Outcome:
    """Move the alias, and restart MLflow's server each time."""
    outcome = _Outcome()
    sent: list[Request] = []
    with ExitStack() as running:

        def start_server() -> Server:
            running.close()
            server = running.enter_context(run_mlflow_model(address, scratch / "run"))
            sent[:] = [ask_mlflow(server, clip) for clip in clips]
            return server

        def answers_soon(server: Server) -> bool:
            with requests.Session() as session:
                try:
                    wait_until(lambda: sent[0](session).status == 200, server, RESTART_S)
                except RuntimeError:
                    return False
            return True

        _set_champion(versions.good[0])
        await_answer(start_server(), sent[0])
        outcome.expected = _ask_all(sent)
        with load_of(CLIENTS, lambda: tuple(sent)) as load:
            begun = _wait_quietly(load, outcome)
            served = versions.good[0]
            for kind, version in [*_moves(versions), *versions.bad.items()]:
                start = time.monotonic()
                _set_champion(version)
                if not answers_soon(start_server()) or kind in versions.bad:
                    time.sleep(PAUSE_S)
                    _set_champion(served)
                    answers_soon(start_server())
                else:
                    served = version
                outcome.switch_s.setdefault(kind, []).append(time.monotonic() - start)
                time.sleep(PAUSE_S)
            outcome.changing = load.between(begun, time.monotonic())
    return outcome


def _ask_all(requests_: Sequence[Request]) -> dict[Path, str]:
    """Return the answer for each clip, which later ones are compared with."""
    return {answer.clip: answer.emotion for answer in ask_in_turn(requests_)}


def _moves(versions: _Versions) -> list[tuple[str, str]]:
    """Return the moves of the alias that name a good version."""
    return [
        *(("promotion", version) for version in versions.good[1:]),
        ("rollback", versions.good[-2]),
    ]


def _wait_quietly(load: Load, outcome: _Outcome) -> float:
    """Let the load run for a while before the first change, and return when that is over."""
    begin = time.monotonic() + PAUSE_S
    time.sleep(PAUSE_S + QUIET_S)
    end = time.monotonic()
    outcome.quiet = load.between(begin, end)
    if not all(answer.emotion for answer in outcome.quiet):
        raise AvemoError("requests fail before anything has changed")
    return end


def _compare(ours: _Outcome, other: _Outcome) -> list[Comparison]:
    quiet_s, changing_s = _p95_s(ours.quiet), _p95_s(ours.changing)
    other_quiet_s, other_changing_s = _p95_s(other.quiet), _p95_s(other.changing)
    return [
        Comparison(
            what="requests without an answer",
            ours=f"{ours.failed} of {len(ours.changing)}",
            other=f"{other.failed} of {len(other.changing)}",
            ratio=None,
            target="0",
        ),
        Comparison(
            what="answers other than before, or no numbers",
            ours=str(ours.wrong),
            other=str(other.wrong),
            ratio=None,
            target="0",
        ),
        Comparison(
            what="p95 of ours, of its p95 before the first change",
            ours=f"{changing_s:.2f} s",
            other=f"{quiet_s:.2f} s",
            ratio=changing_s / quiet_s,
            target="at most 1.5",
        ),
        Comparison(
            what="p95 of the other's answers, of its p95 before the first change",
            ours="-",
            other=f"{other_changing_s:.2f} s, {other_quiet_s:.2f} s",
            ratio=other_changing_s / other_quiet_s,
            target="-",
        ),
    ]


def _p95_s(responses: Sequence[Answer]) -> float:
    """Return how long requests with an answer take, at the 95th percentile."""
    return quantile_s([answer for answer in responses if answer.status == 200], 0.95)


def _describe(ours: _Outcome, other: _Outcome) -> str:
    return (
        f"From the alias's move until ours answers with the version, or refuses it: "
        f"{_list_seconds(ours)}. The other, until it answers again: {_list_seconds(other)}."
    )


def _list_seconds(outcome: _Outcome) -> str:
    return ", ".join(
        f"{kind} {' and '.join(f'{seconds:.0f}' for seconds in times)} s"
        for kind, times in outcome.switch_s.items()
    )


def _set_champion(version: str) -> None:
    mlflow.MlflowClient().set_registered_model_alias(NAME, "champion", version)


def _ready(server: Server) -> dict[str, dict[str, str]]:
    body: dict[str, dict[str, str]] = requests.get(f"{server.address}/readyz", timeout=30).json()
    return body


def _served(server: Server) -> str:
    return (_ready(server)["model"] or {}).get("version", "")


def _refused(server: Server) -> str:
    return (_ready(server)["refused"] or {}).get("version", "")


@contextmanager
def mlflow_at(address: str) -> Iterator[None]:
    """Let MLflow in this process use another registry inside the block."""
    before = os.environ[store.TRACKING_URI]
    os.environ[store.TRACKING_URI] = address
    mlflow.set_tracking_uri(address)
    try:
        yield
    finally:
        os.environ[store.TRACKING_URI] = before
        mlflow.set_tracking_uri(before)
