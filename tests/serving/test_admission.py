"""The queue: bounded in seconds of media, and when to come again."""

import time
from contextlib import ExitStack

import pytest

from avemo.serving.admission import Admission, estimate_seconds
from avemo.serving.refusal import Refusal


def retry_after(admission: Admission, size: int) -> int:
    with pytest.raises(Refusal) as raised, admission.place(size):
        pass
    assert raised.value.status == 503
    assert raised.value.headers["retry-after"] == str(raised.value.retry_after_s)
    assert raised.value.retry_after_s
    return raised.value.retry_after_s


def test_places_are_seconds_of_media() -> None:
    ten_seconds = round(10 * 1_500_000 / 10)
    assert estimate_seconds(ten_seconds) == pytest.approx(10)
    admission = Admission(workers=2, max_queue_s=30)
    with ExitStack() as places:
        for _ in range(3):
            places.enter_context(admission.place(ten_seconds))
        retry_after(admission, ten_seconds)
        admission.begin(10)  # a worker has begun with one of them
        places.enter_context(admission.place(ten_seconds))
        assert admission.waiting_s == pytest.approx(30)
        admission.end(10)
    assert admission.reserved_s == pytest.approx(0)


def test_a_single_request_is_let_in_however_long_it_is() -> None:
    admission = Admission(workers=1, max_queue_s=5)
    with admission.place(10**9):
        retry_after(admission, 0)


def test_they_come_again_one_after_the_other_at_the_measured_rate() -> None:
    admission = Admission(workers=2, max_queue_s=10)
    admission.measure(seconds=3, elapsed_s=1)
    assert admission.rate == pytest.approx(6)
    with admission.place(1_500_000):
        times = [retry_after(admission, 900_000) for _ in range(4)]  # 6 s each: a second of work
    assert times == sorted(times)
    assert times[-1] - times[0] == 3
    for _ in range(200):
        admission.measure(seconds=1, elapsed_s=1)
    assert admission.rate == pytest.approx(2, rel=0.01)


def test_a_promise_ends_when_its_time_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    admission = Admission(workers=1, max_queue_s=2)
    with admission.place(300_000):
        first = retry_after(admission, 300_000)
        second = retry_after(admission, 300_000)
        now = time.monotonic() + 100
        monkeypatch.setattr(time, "monotonic", lambda: now)
        assert retry_after(admission, 300_000) == first < second
