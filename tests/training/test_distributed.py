"""A search by several processes has the result of one process, whichever of them is killed."""

import signal
import time
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from helpers.search import (
    FITS,
    TRIALS,
    Search,
    end_stage,
    search_alone,
    search_processes,
    trials_of,
    wait_until,
)
from mlflow.entities import Run

from avemo.errors import AvemoError, SettingsError
from avemo.training import progress
from avemo.training.distributed import workers
from avemo.training.distributed.worker import _RetryingStub


def check(search: Search) -> list[Run]:
    """Compare a search with that of one process, and return its runs that did not end well."""
    result, expected = search.result(), search_alone()
    assert trials_of(result) == [pytest.approx(trial) for trial in trials_of(expected)]
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


def workers_in_a_trial(search: Search) -> list[str]:
    """Return the workers that have finished a trial's first fit and not its second."""
    return [worker for worker, count in search.fit_counts.items() if count % 2]


@pytest.mark.slow
def test_a_killed_chief_and_a_killed_worker_s_trial_are_resumed(tmp_path: Path) -> None:
    search = Search(tmp_path / "project")
    stage = search.start(2)
    wait_until(stage, lambda: bool(search.fit_counts))
    before = search_processes(stage)
    before["chief"].kill()
    wait_until(
        stage, lambda: search_processes(stage).get("chief", before["chief"]) != before["chief"]
    )
    processes = search_processes(stage)
    for worker in ("tuner0", "tuner1"):
        assert processes[worker] == before[worker], "a worker did not wait for its chief"

    wait_until(stage, lambda: bool(workers_in_a_trial(search)))
    killed_worker = workers_in_a_trial(search)[0]
    search_processes(stage)[killed_worker].kill()
    finished_fits = search.fits()
    assert f"{FITS}/{FITS}" in end_stage(stage)
    (killed,) = check(search)
    assert killed.info.status == "KILLED"
    assert killed.data.tags["avemo.worker"] == killed_worker
    assert finished_fits.items() <= search.fits().items(), "a finished fit was made again"
    _, children = search.runs()
    assert {run.data.tags["avemo.worker"] for run in children} == {"tuner0", "tuner1"}


@pytest.mark.slow
def test_a_stopped_search_leaves_no_process_and_goes_on(tmp_path: Path) -> None:
    search = Search(tmp_path / "project")
    stage = search.start(2)
    wait_until(stage, lambda: bool(workers_in_a_trial(search)))
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
    assert {run.info.status for run in check(search)} == {"KILLED"}
    assert finished_fits.items() <= search.fits().items(), "a finished fit was made again"


@pytest.mark.slow
def test_the_stage_takes_its_workers_fits(tmp_path: Path) -> None:
    search = Search(tmp_path / "project", ["whisper_logistic", "whisper_linear"])
    end_stage(search.start(2))
    assert len(search.fits()) == FITS
    _, children = search.runs()
    logged = {run.info.run_id: run.data.params for run in children}
    for trial in search.result().trials:
        parameters = {name: str(value) for name, value in trial.hyperparameters.items()}
        assert logged[trial.run_id] == parameters | {
            "parameters": logged[trial.run_id]["parameters"]
        }


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
