"""A search by several processes has the result of one process, whichever of them is killed."""

import signal
import time
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from helpers.search import FITS, TRIALS, Search, end_stage, search_processes, wait_until
from mlflow.entities import Run

from avemo.errors import AvemoError, SettingsError
from avemo.training import progress
from avemo.training.distributed import workers
from avemo.training.distributed.worker import _RetryingStub


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Search:
    """The search of one process."""
    search = Search(tmp_path_factory.mktemp("single") / "project")
    end_stage(search.start(1))
    return search


def check(search: Search, single: Search) -> list[Run]:
    """Compare a search with that of one process, and return its runs that did not end well."""
    assert search.trials() == [pytest.approx(trial) for trial in single.trials()]
    result, expected = search.result(), single.result()
    assert result.members == expected.members
    assert result.temperature == pytest.approx(expected.temperature, rel=1e-3)
    parent, children = search.runs()
    assert parent.info.status == "FINISHED"
    assert result.run_id == parent.info.run_id
    finished = [run for run in children if run.info.status == "FINISHED"]
    assert sorted(run.data.tags["avemo.trial"] for run in finished) == [
        str(n) for n in range(TRIALS)
    ]
    assert {run.info.run_id for run in finished} == {trial.run_id for trial in result.trials}
    return [run for run in children if run not in finished]


def mid_trial(search: Search, fits: int, worker: str | None = None) -> bool:
    """Whether so many fits are finished, the last of them not its trial's last."""
    done = search.fit_counts
    count = done.get(worker, 0) if worker else sum(done.values())
    return count >= fits and bool(count % 2)


@pytest.mark.slow
def test_a_killed_worker_s_trial_is_resumed(single: Search, tmp_path: Path) -> None:
    search = Search(tmp_path / "project")
    stage = search.start(2)
    wait_until(stage, lambda: mid_trial(search, 1, "tuner0"))
    search_processes(stage)["tuner0"].kill()
    finished_fits = search.fits()
    output = end_stage(stage)
    assert f"{FITS}/{FITS}" in output
    (killed,) = check(search, single)
    assert killed.info.status == "KILLED"
    assert killed.data.tags["avemo.worker"] == "tuner0"
    assert finished_fits.items() <= search.fits().items(), "a finished fit was made again"
    _, children = search.runs()
    assert {run.data.tags["avemo.worker"] for run in children} == {"tuner0", "tuner1"}


@pytest.mark.slow
def test_a_killed_chief_goes_on(single: Search, tmp_path: Path) -> None:
    search = Search(tmp_path / "project")
    stage = search.start(2)
    wait_until(stage, lambda: sum(search.fit_counts.values()) >= 3)
    before = search_processes(stage)
    before["chief"].kill()
    wait_until(
        stage, lambda: search_processes(stage).get("chief", before["chief"]) != before["chief"]
    )
    assert {
        name: process for name, process in search_processes(stage).items() if name != "chief"
    } == {name: process for name, process in before.items() if name != "chief"}
    end_stage(stage)
    assert check(search, single) == [], "a worker did not wait for its chief"


@pytest.mark.slow
def test_a_stopped_search_leaves_no_process_and_goes_on(single: Search, tmp_path: Path) -> None:
    search = Search(tmp_path / "project")
    stage = search.start(2)
    wait_until(stage, lambda: mid_trial(search, 1))
    before = search_processes(stage)
    assert set(before) == {"chief", "tuner0", "tuner1"}
    stage.send_signal(signal.SIGINT)
    output = stage.communicate()[0]
    assert output.splitlines()[-1] == "avemo: stopped; the same command picks up from here"
    assert stage.returncode == 1
    assert not any(process.is_running() for process in before.values())
    assert not [run for run in search.runs()[1] if run.info.status == "RUNNING"]

    stage = search.start(2)
    wait_until(stage, lambda: len(search.fits()) >= FITS // 2 and len(search_processes(stage)) == 3)
    before = search_processes(stage)
    stage.kill()
    stage.communicate()
    end = time.monotonic() + 10
    while any(process.is_running() for process in before.values()):
        assert time.monotonic() < end, "a worker outlived the stage"
        time.sleep(0.05)

    finished_fits = search.fits()
    end_stage(search.start(1))
    assert {run.info.status for run in check(search, single)} == {"KILLED"}
    assert finished_fits.items() <= search.fits().items(), "a finished fit was made again"


def supervise(tmp_path: Path, codes: Iterable[int | None]) -> workers._SupervisedProcess:
    """A supervised process that ends at once, with one code after the other."""
    codes = iter(codes)

    def start() -> Any:
        code = next(codes)
        return SimpleNamespace(exit_code=lambda: code, stop=lambda: None)

    log = tmp_path / "tuner0.log"
    log.write_text("Traceback\n\nValueError: no such thing\n")
    return workers._SupervisedProcess("tuner0", log, start)


def test_a_process_that_dies_three_times_ends_the_search(tmp_path: Path) -> None:
    dying = supervise(tmp_path, [-9, 1, -9, 1, 1])
    assert [dying.has_ended(fits) for fits in (1, 1, 2, 2)] == [False] * 4
    message = (
        r"tuner0 ended 3 times .*\(exit code 1\): Traceback ValueError: no such thing \(its output"
    )
    with pytest.raises(AvemoError, match=message):
        dying.has_ended(2)


def test_a_process_that_ended_well_is_not_restarted(tmp_path: Path) -> None:
    assert supervise(tmp_path, [0]).has_ended(0)
    running = supervise(tmp_path, [None])
    assert [running.has_ended(0), running.has_ended(1)] == [False, False]


def test_a_fit_is_counted_once(tmp_path: Path) -> None:
    folder = tmp_path / progress.TRIALS / "trial_0"
    folder.mkdir(parents=True)
    for number, worker in ((1, "tuner0"), (2, "tuner0"), (1, "tuner1"), (2, "tuner1")):
        progress.record_fit(folder, number, worker)
    progress.record_fit(folder, 3, "tuner1")
    assert progress.count_fits(tmp_path) == {"tuner0": 2, "tuner1": 1}


def test_a_call_is_repeated_when_the_chief_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    responses = iter([Unavailable(), Unavailable(), "trial"])

    def create(request: str, **options: Any) -> Any:
        response = next(responses)
        if isinstance(response, Exception):
            raise response
        return response, request, options

    monkeypatch.setattr("time.sleep", lambda seconds: None)
    stub = _RetryingStub(SimpleNamespace(CreateTrial=create))
    assert stub.CreateTrial("request", timeout=1) == ("trial", "request", {"timeout": 1})


class Unavailable(grpc.RpcError):  # type: ignore[misc]
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("text", ["0", "-1", "two", ""])
def test_a_wrong_number_of_workers(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    settings: Any = SimpleNamespace(search=SimpleNamespace(workers=3))
    assert workers.worker_count(settings) == 3
    monkeypatch.setenv(workers.WORKERS, "2")
    assert workers.worker_count(settings) == 2
    monkeypatch.setenv(workers.WORKERS, text)
    with pytest.raises(SettingsError, match=f"AVEMO_SEARCH_WORKERS is '{text}'"):
        workers.worker_count(settings)
