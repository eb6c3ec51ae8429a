"""What is kept of people: names that never become paths, sums, times and bounds."""

import json
import stat
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from helpers.speakers import drawn_statistics
from hypothesis import given
from hypothesis import strategies as st

from avemo.errors import AvemoError, SettingsError
from avemo.inference.adaptation import SpeakerStatistics
from avemo.serving.speakers.names import MAX_LENGTH, normalise_name
from avemo.serving.speakers.store import Bounds, FullError, SpeakerStore

START = datetime(2026, 11, 1, tzinfo=UTC)


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time


def add(store: SpeakerStore, name: str, clip: str = "a", space: str = "s", **more: bool) -> bool:
    statistics = drawn_statistics(space=space, neutral=more.get("neutral", False))
    return store.add(name, statistics, model="avemo-fused version 1", sha256=clip, **more)


@given(st.text(max_size=MAX_LENGTH + 5))
def test_any_name_is_refused_or_kept_inside_the_folder(name: str) -> None:
    with TemporaryDirectory() as folder:
        store = SpeakerStore(Path(folder, "speakers"))
        try:
            add(store, name)
        except SettingsError:
            assert not store.enrolments()
            return
        (file,) = Path(folder).rglob("*.json")
        assert file.parent == store.folder
        assert file.name.isascii()
        (enrolment,) = store.find(name)
        assert enrolment.name == normalise_name(name)
        assert [own.name for own in store.enrolments()] == [enrolment.name]
        assert store.speaker(name).name == enrolment.name
        assert store.delete(name) == 1
        assert not store.find(name)


@pytest.mark.parametrize(
    "name", ["", "  ", ".", "..", "../x", "a/b", "a\\b", "a\nb", "a\0b", "x" * 101, "ab\u202ecd"]
)
def test_what_is_no_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="speaker's name"):
        add(SpeakerStore(tmp_path), name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", ["Zoë", "李小龍", "محمد", "O'Neil", "-rf", "con", "x" * 100, "👩🏽‍🎤"]
)
def test_names_of_people(name: str, tmp_path: Path) -> None:
    store = SpeakerStore(tmp_path)
    assert add(store, f" {unicodedata.normalize('NFD', name)} ")
    assert not add(store, name), "it is the same person, and the same clip"


def test_clips_add_up_and_each_counts_once(tmp_path: Path) -> None:
    store = SpeakerStore(tmp_path / "speakers")
    assert add(store, "ana", "a", neutral=True)
    assert add(store, "ana", "b")
    assert not add(store, "ana", "a")
    (enrolment,) = store.find("ana")
    assert (enrolment.sums.clips, enrolment.sums.neutral_clips) == (2, 1)
    assert [(clip.sha256, clip.neutral) for clip in enrolment.clips] == [("a", True), ("b", False)]
    expected = drawn_statistics(neutral=True) + drawn_statistics()
    assert enrolment.sums == expected
    assert add(store, "ana", "a", again=True)
    assert store.find("ana")[0].sums.clips == 1


def test_a_space_has_a_file_of_its_own(tmp_path: Path) -> None:
    clock = Clock()
    store = SpeakerStore(tmp_path, now=clock)
    add(store, "ana", space="one")
    clock.time += timedelta(hours=1)
    add(store, "ana", space="two")
    assert [own.sums.space for own in store.find("ana")] == ["two", "one"]
    speaker = store.speaker("ana")
    assert set(speaker.statistics) == {"one", "two"}
    with pytest.raises(AvemoError, match="enrol the 1 other clip again"):
        speaker.statistics_for("three", "avemo-fused version 3")
    assert store.delete("ana") == 2
    with pytest.raises(AvemoError, match="ana is not enrolled"):
        store.speaker("ana")


def test_only_this_user_reads_the_folder(tmp_path: Path) -> None:
    store = SpeakerStore(tmp_path / "speakers")
    add(store, "ana")
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"record": "Enrolment"}', b"[" * 9999])
def test_a_damaged_file_costs_one_line(content: bytes, tmp_path: Path) -> None:
    store = SpeakerStore(tmp_path)
    add(store, "ana")
    add(store, "ben")
    damaged, reasons = next(tmp_path.glob("*.json")), list[str]()
    damaged.write_bytes(content)
    (left,) = store.enrolments(reasons.append)
    assert [
        reason for reason in reasons if str(damaged) in reason and "\n" not in reason
    ] == reasons
    other = "ben" if left.name == "ana" else "ana"
    with pytest.raises(AvemoError, match="delete it, and enrol the speaker again"):
        store.find(other)
    assert store.delete(other) == 1


def test_old_enrolments_expire(tmp_path: Path) -> None:
    clock = Clock()
    store = SpeakerStore(tmp_path / "speakers", now=clock)
    month = timedelta(days=30)
    assert store.expire(month) == 0
    add(store, "ana")
    add(store, "ben")
    clock.time += timedelta(days=29)
    add(store, "ben", "b")
    assert store.expire(month) == 0
    clock.time += timedelta(days=1)
    assert store.expire(month) == 1
    assert [own.name for own in store.enrolments()] == ["ben"]
    (store.folder / "damaged.json").write_text("{}")
    assert store.expire(month) == 1


def test_bounds(tmp_path: Path) -> None:
    store = SpeakerStore(tmp_path, Bounds(speakers=2, clips=2))
    add(store, "ana", "a")
    add(store, "ben", "a")
    with pytest.raises(FullError, match="2 speakers are enrolled"):
        add(store, "cem", "a")
    add(store, "ana", "b")
    with pytest.raises(FullError, match="2 clips of this speaker"):
        add(store, "ana", "c")
    assert add(store, "ana", "c", again=True)
    assert len(store.enrolments()) == 2


def test_nothing_but_sums_is_kept(tmp_path: Path) -> None:
    store = SpeakerStore(tmp_path)
    add(store, "ana")
    fields = json.loads(next(tmp_path.glob("*.json")).read_text())
    assert set(fields) == {
        "record", "version", "name", "model", "changed", "clips", "statistics"
    }  # fmt: skip
    assert SpeakerStatistics.from_dict(fields["statistics"]) == drawn_statistics()
