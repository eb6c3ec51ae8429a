"""What a service keeps of people, and for how long; what a client sends back is checked."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.speakers import drawn_statistics
from hypothesis import given
from hypothesis import strategies as st

from avemo.serving.adaptation import read_statistics
from avemo.serving.refusal import Refusal
from avemo.serving.speakers.kept import KeptSpeakers
from avemo.settings import ServedSpeakers

KEEP = ServedSpeakers(keep=True, retention_days=30)


def test_nothing_is_kept_unless_params_yaml_says_so(tmp_path: Path) -> None:
    assert not ServedSpeakers().keep
    for kept in (KeptSpeakers(tmp_path, ServedSpeakers()), KeptSpeakers(None, KEEP)):
        with pytest.raises(Refusal, match=r"serving\.speakers\.keep in params\.yaml") as refusal:
            kept.require_store()
        assert refusal.value.status == 403
    assert not list(tmp_path.iterdir())


def test_what_is_old_goes_at_start_and_each_hour(tmp_path: Path) -> None:
    time = datetime(2026, 11, 1, tzinfo=UTC)
    kept = KeptSpeakers(tmp_path, KEEP, now=lambda: time)
    store = kept.require_store()
    slept: list[float] = []
    left: list[int] = []

    async def sleep(seconds: float) -> None:
        nonlocal time
        left.append(len(store.enrolments()))
        slept.append(seconds)
        time += timedelta(seconds=seconds)
        if len(slept) == 3:
            raise asyncio.CancelledError

    store.add("Ana", drawn_statistics(), model="v", sha256="a")
    time += timedelta(days=30)
    store.add("Ben", drawn_statistics(), model="v", sha256="a")
    time += timedelta(days=30) - timedelta(hours=1.5)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(kept.expire_hourly(sleep))
    assert slept == [3600.0] * 3
    assert left == [1, 1, 0], "Ana goes at the start, Ben two hours later"


def served(space: str = "s") -> Any:
    """Return a version of a space, as far as statistics need one."""
    loaded = SimpleNamespace(space=space, require_own=lambda statistics: None)
    return SimpleNamespace(
        loaded=loaded, description=SimpleNamespace(label="avemo-fused version 2")
    )


def test_statistics_come_back_as_they_went() -> None:
    own = drawn_statistics()
    assert read_statistics(served(), json.dumps(own.to_dict())) == own
    assert read_statistics(served(), None) is None
    assert read_statistics(served(), "") is None


def test_another_space_is_a_conflict() -> None:
    text = json.dumps(drawn_statistics(neutral=True).to_dict())
    message = r"avemo-fused version 2 .*enrol the 1 neutral clip"
    with pytest.raises(Refusal, match=message) as refusal:
        read_statistics(served("other"), text)
    assert (refusal.value.status, refusal.value.code) == (409, "other-space")
    with pytest.raises(Refusal, match=r"does not adapt to speakers") as refusal:
        read_statistics(served(""), text)
    assert (refusal.value.status, refusal.value.code) == (409, "no-adaptation")


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELDS = ("space", "clips", "neutral_clips", "class_counts", "sums")


@given(
    st.text(max_size=40)
    | VALUES.map(json.dumps)
    | st.dictionaries(st.sampled_from(FIELDS), VALUES).map(
        lambda fields: json.dumps(drawn_statistics().to_dict() | fields)
    )
)
def test_whatever_a_client_sends_is_statistics_or_refused(text: str) -> None:
    try:
        statistics = read_statistics(served(), text)
    except Refusal as refusal:
        if refusal.status not in (409, 422):
            raise
    else:
        assert statistics is None or statistics.clips >= 1


@pytest.mark.parametrize("text", ['{"clips": 1' + "0" * 400 + "}", "[" * 100_000, "1" * 5000])
def test_hostile_json_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_statistics(served(), text)
    assert refusal.value.status == 422
