import os
import time

import pytest

from avemo import engine


def slow_first(number: int) -> tuple[int, int]:
    time.sleep(0.3 if number == 0 else 0)
    return number, os.getpid()


def threads(_: object) -> dict[str, str | None]:
    return {
        name: os.environ.get(name)
        for name in os.environ
        if name.endswith(("_THREADS", "_THREADS_NUM"))
    }


def reciprocal(number: float) -> float:
    return 1 / number


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.slow
def test_results_come_in_the_items_order(workers: int) -> None:
    results = list(engine.run(slow_first, range(70), title="test", workers=workers))
    assert [number for number, _ in results] == list(range(70))
    assert ({process for _, process in results} == {os.getpid()}) == (workers == 1)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.slow
def test_an_exception_ends_the_run(workers: int) -> None:
    results = engine.run(reciprocal, [1, 2, 0, 4], title="test", workers=workers)
    assert next(results) == 1
    assert next(results) == 0.5
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert list(results) == []


@pytest.mark.slow
def test_a_worker_has_one_thread_and_this_process_as_many_as_before() -> None:
    before = dict(os.environ)
    (environment, _) = engine.run(threads, range(2), title="test", workers=2)
    assert environment["OMP_NUM_THREADS"] == environment["OPENBLAS_NUM_THREADS"] == "1"
    assert threads(None) == {
        name: before[name] for name in before if name.endswith(("_THREADS", "_THREADS_NUM"))
    }


def test_results_come_one_by_one() -> None:
    processed: list[int] = []
    results = engine.run(processed.append, [1, 2, 3], title="test", workers=1)
    assert processed == []
    next(results)
    assert processed == [1]


@pytest.mark.parametrize("workers", [None, 1, 2])
def test_nothing_to_do(workers: int | None, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(engine.run(reciprocal, [], title="test", workers=workers)) == []
    assert capsys.readouterr() == ("", "")


def test_there_is_a_core() -> None:
    assert 1 <= engine.count_cores() <= (os.cpu_count() or 1)
