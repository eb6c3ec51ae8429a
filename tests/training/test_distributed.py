"""A search by several processes finds what one finds, whichever of them is killed."""

import signal
import time
from types import SimpleNamespace

import grpc
import pytest
from helpers.search import FITS, TRIALS, Search, ended, members, wait

from avemo.errors import AvemoError, SettingsError
from avemo.training import progress
from avemo.training.distributed import workers
from avemo.training.distributed.worker import _Patient


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process finds."""
    search = Search(tmp_path_factory.mktemp("alone") / "project")
    ended(search.start(1))
    return search


def check(search, alone):
    """It found what one process found, each trial has a run that ended well; returns the others."""
    assert search.trials() == [pytest.approx(trial) for trial in alone.trials()]
    found, expected = search.found(), alone.found()
    assert found["members"] == expected["members"]
    assert found["temperature"] == pytest.approx(expected["temperature"], rel=1e-3)
    parent, children = search.runs()
    assert parent.info.status == "FINISHED"
    assert found["run_id"] == parent.info.run_id
    good = [run for run in children if run.info.status == "FINISHED"]
    assert sorted(run.data.tags["avemo.trial"] for run in good) == [str(n) for n in range(TRIALS)]
    assert {run.info.run_id for run in good} == {trial["run_id"] for trial in found["trials"]}
    return [run for run in children if run not in good]


def mid_trial(search, fits, worker=None):
    """Whether so many fits are finished, the last of them not its trial's last."""
    done = search.finished
    count = done.get(worker, 0) if worker else sum(done.values())
    return count >= fits and bool(count % 2)


@pytest.mark.slow
def test_a_killed_worker_s_trial_is_taken_up_again(alone, tmp_path):
    search = Search(tmp_path / "project")
    stage = search.start(2)
    wait(stage, lambda: mid_trial(search, 1, "tuner0"))
    members(stage)["tuner0"].kill()
    kept = search.fits()
    said = ended(stage)
    assert f"{FITS}/{FITS}" in said
    (killed,) = check(search, alone)
    assert killed.info.status == "KILLED"
    assert killed.data.tags["avemo.worker"] == "tuner0"
    assert kept.items() <= search.fits().items(), "a finished fit was made again"
    _, children = search.runs()
    assert {run.data.tags["avemo.worker"] for run in children} == {"tuner0", "tuner1"}


@pytest.mark.slow
def test_a_killed_chief_goes_on(alone, tmp_path):
    search = Search(tmp_path / "project")
    stage = search.start(2)
    wait(stage, lambda: sum(search.finished.values()) >= 3)
    before = members(stage)
    before["chief"].kill()
    wait(stage, lambda: members(stage).get("chief", before["chief"]) != before["chief"])
    assert {name: one for name, one in members(stage).items() if name != "chief"} == {
        name: one for name, one in before.items() if name != "chief"
    }
    ended(stage)
    assert check(search, alone) == [], "a worker did not wait for its chief"


@pytest.mark.slow
def test_a_stopped_search_leaves_no_process_and_goes_on(alone, tmp_path):
    search = Search(tmp_path / "project")
    stage = search.start(2)
    wait(stage, lambda: mid_trial(search, 1))
    before = members(stage)
    assert set(before) == {"chief", "tuner0", "tuner1"}
    stage.send_signal(signal.SIGINT)
    said = stage.communicate()[0]
    assert said.splitlines()[-1] == "avemo: stopped; the same command picks up from here"
    assert stage.returncode == 1
    assert not any(one.is_running() for one in before.values())
    assert not [run for run in search.runs()[1] if run.info.status == "RUNNING"]

    stage = search.start(2)
    wait(stage, lambda: len(search.fits()) >= FITS // 2 and len(members(stage)) == 3)
    before = members(stage)
    stage.kill()
    stage.communicate()
    end = time.monotonic() + 10
    while any(one.is_running() for one in before.values()):
        assert time.monotonic() < end, "a worker outlived the stage"
        time.sleep(0.05)

    kept = search.fits()
    ended(search.start(1))
    assert {run.info.status for run in check(search, alone)} == {"KILLED"}
    assert kept.items() <= search.fits().items(), "a finished fit was made again"


def member(tmp_path, codes):
    """One whose processes end at once, with one code after the other."""
    codes = iter(codes)

    def start():
        code = next(codes)
        return SimpleNamespace(code=lambda: code, stop=lambda: None)

    log = tmp_path / "tuner0.log"
    log.write_text("Traceback\n\nValueError: no such thing\n")
    return workers._Member("tuner0", log, start)


def test_one_that_dies_again_and_again_ends_the_search(tmp_path):
    dying = member(tmp_path, [-9, 1, -9, 1, 1])
    assert [dying.ended(finished) for finished in (1, 1, 2, 2)] == [False] * 4
    message = r"tuner0 ended 3 times .*\(exit code 1\): Traceback ValueError: no such thing \(all"
    with pytest.raises(AvemoError, match=message):
        dying.ended(2)


def test_one_that_did_all_there_was_is_left_in_peace(tmp_path):
    assert member(tmp_path, [0]).ended(0)
    running = member(tmp_path, [None])
    assert [running.ended(0), running.ended(1)] == [False, False]


def test_a_fit_is_counted_once(tmp_path):
    folder = tmp_path / progress.TRIALS / "trial_0"
    folder.mkdir(parents=True)
    for number, worker in ((1, "tuner0"), (2, "tuner0"), (1, "tuner1"), (2, "tuner1")):
        progress.add(folder, number, worker)
    progress.add(folder, 3, "tuner1")
    assert progress.finished(tmp_path) == {"tuner0": 2, "tuner1": 1}


def test_a_chief_that_dies_while_it_answers_is_asked_again(monkeypatch):
    answers = iter([Unavailable(), Unavailable(), "trial"])

    def create(request, **options):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer, request, options

    monkeypatch.setattr("time.sleep", lambda seconds: None)
    stub = _Patient(SimpleNamespace(CreateTrial=create))
    assert stub.CreateTrial("request", timeout=1) == ("trial", "request", {"timeout": 1})


class Unavailable(grpc.RpcError):
    def code(self):
        return grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("text", ["0", "-1", "two", ""])
def test_a_wrong_number_of_workers(monkeypatch, text):
    settings = SimpleNamespace(search=SimpleNamespace(workers=3))
    assert workers.count(settings) == 3
    monkeypatch.setenv(workers.WORKERS, "2")
    assert workers.count(settings) == 2
    monkeypatch.setenv(workers.WORKERS, text)
    with pytest.raises(SettingsError, match=f"AVEMO_SEARCH_WORKERS is '{text}'"):
        workers.count(settings)
