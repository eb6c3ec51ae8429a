"""The journal and the Parquet files of a record: nothing is lost, and nothing stays too long."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from helpers.recorded_answers import CLASSES, Clock, new_draft
from hypothesis import given, settings
from hypothesis import strategies as st

from avemo.errors import AvemoError
from avemo.serving.record.rows import (
    AnswerDraft,
    AnsweredWindow,
    AnswerSettings,
    is_expired,
)
from avemo.serving.record.store import RecordStore, read_record

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
MONTH = timedelta(days=30)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[RecordStore]:
    with RecordStore(tmp_path / "record", clock) as store:
        yield store


SHARES = st.floats(0, 1, allow_nan=False)
PROBABILITIES: st.SearchStrategy[dict[str, float]] = st.one_of(
    st.just({}), st.tuples(SHARES, SHARES, SHARES).map(lambda s: dict(zip(CLASSES, s, strict=True)))
)
WINDOWS = st.builds(
    AnsweredWindow,
    start=st.floats(0, 1e5),
    end=st.floats(0, 1e5),
    track=st.one_of(st.none(), st.integers(0, 9)),
    finding=st.sampled_from(["", "no-face"]),
    unsure=st.booleans(),
    probabilities=PROBABILITIES,
)
DRAFTS = st.builds(
    AnswerDraft,
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    model=st.just("avemo-audio"),
    version=st.sampled_from("12"),
    seal=st.just("f" * 64),
    classes=st.just(CLASSES),
    settings=st.builds(
        AnswerSettings,
        kind=st.sampled_from(["clip", "timeline"]),
        window_s=st.one_of(st.none(), st.floats(0.1, 60)),
        hop_s=st.one_of(st.none(), st.floats(0.1, 60)),
        adapt=st.booleans(),
        adapted=st.booleans(),
    ),
    finding=st.sampled_from(["", "silent"]),
    emotion=st.sampled_from(["", *CLASSES]),
    unsure=st.booleans(),
    probabilities=PROBABILITIES,
    windows=st.lists(WINDOWS, max_size=3).map(tuple),
    seconds=st.floats(0, 3600),
    notice=st.sampled_from([None, True, False]),
)
STEPS = st.sampled_from(["", "compact", "open", "correct"])


@pytest.mark.slow  # each step waits for the disk
@settings(max_examples=15, deadline=None)
@given(steps=st.lists(st.tuples(DRAFTS, STEPS), max_size=6))
def test_what_is_recorded_is_read_to_the_last_bit(
    steps: list[tuple[AnswerDraft, str]],
) -> None:
    """Whatever is moved to Parquet files in between, and however often the store is opened."""
    clock = Clock(NOON)
    with TemporaryDirectory() as name:
        folder = Path(name, "record")
        store = RecordStore(folder, clock)
        expected, corrections = [], {}
        for draft, step in steps:
            clock.now += timedelta(hours=7)
            answer = store.add(draft)
            expected.append(answer)
            if step == "compact":
                store.compact()
            elif step == "open":
                store.close()
                store = RecordStore(folder, clock)
            elif step == "correct":
                store.correct(answer, "calm", consent=False)
                corrections[answer.id] = store.correct(answer, "sad", consent=True)
            assert store.find(answer.id) == answer
        reading = read_record(folder)
        assert reading.answer_rows == expected
        assert reading.corrections == corrections
        store.compact()
        store.close()
        assert read_record(folder) == reading
        assert (folder / "journal.ndjson").read_bytes() == b""
        assert reading.warnings == reading.damaged == []


def test_a_kill_between_the_files_and_the_journal_adds_nothing_twice(
    store: RecordStore, clock: Clock
) -> None:
    first = store.add(new_draft())
    store.correct(first, "sad", consent=False)
    last = store.correct(first, "happy", consent=True)
    journal = store.folder / "journal.ndjson"
    content = journal.read_bytes()
    store.compact()
    store.close()
    journal.write_bytes(content)  # as if it had not been emptied
    with RecordStore(store.folder, clock) as again:
        again.compact()
    reading = read_record(store.folder)
    assert reading.answer_rows == [first]
    assert reading.corrections == {first.id: last}


def test_a_torn_last_line_is_left_out_with_a_warning(
    store: RecordStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [store.add(new_draft()) for _ in range(3)]
    store.close()
    journal = store.folder / "journal.ndjson"
    content = journal.read_bytes()
    journal.write_bytes(content[:-20])
    reading = read_record(store.folder)
    assert reading.answer_rows == rows[:2]
    (warning,) = reading.warnings
    assert "its last line is torn" in warning
    with RecordStore(store.folder, clock) as again:
        assert "its last line is torn" in caplog.text
        more = again.add(new_draft())
    reading = read_record(store.folder)
    assert [row.id for row in reading.answer_rows] == [rows[0].id, rows[1].id, more.id]
    assert reading.warnings == []


def test_a_damaged_line_costs_itself_alone(store: RecordStore) -> None:
    rows = [store.add(new_draft()) for _ in range(2)]
    journal = store.folder / "journal.ndjson"
    journal.write_bytes(b'{"answer": 1}\n' + journal.read_bytes())
    reading = read_record(store.folder)
    assert reading.answer_rows == rows
    assert "line 1 cannot be read" in reading.warnings[0]


def test_a_cut_parquet_file_costs_its_own_day_alone(
    store: RecordStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    store.add(new_draft())
    store.compact()
    clock.now += timedelta(days=1)
    second = store.add(new_draft())
    store.compact()
    first_part, second_part = sorted(store.folder.glob("answers/*.parquet"))
    content = first_part.read_bytes()
    first_part.write_bytes(content[: len(content) // 2])
    reading = read_record(store.folder)
    assert reading.answer_rows == [second]
    (line,) = reading.damaged
    assert f"{first_part} cannot be read" in line
    assert "\n" not in line
    # of the same day: the damaged file is left as it is, another is begun
    second_part.write_bytes(b"no Parquet")
    third = store.add(new_draft())
    store.compact()
    store.expire(MONTH)
    assert second_part.read_bytes() == b"no Parquet"
    assert "cannot be read" in caplog.text
    assert read_record(store.folder).answer_rows == [third]
    assert store.find(third.id) is None or store.find(third.id) == third
    clock.now += timedelta(days=40)
    store.expire(MONTH)
    assert list(store.folder.glob("answers/*")) == []


def test_retention_removes_whole_rows_with_their_corrections(
    store: RecordStore, clock: Clock
) -> None:
    rows = []
    for _ in range(4):
        rows.append(store.add(new_draft()))
        clock.now += timedelta(hours=4)
    clock.now = NOON + MONTH - timedelta(seconds=1)
    for row in rows:
        store.correct(row, "sad", consent=True)  # late ones go with their answers, too
    assert store.expire(MONTH) == 0
    clock.now = NOON + MONTH + timedelta(hours=4)
    assert store.expire(MONTH) == 4
    reading = read_record(store.folder)
    assert reading.answer_rows == rows[2:]
    assert set(reading.corrections) == {row.id for row in rows[2:]}
    assert store.find(rows[0].id) is None
    everything = b"".join(file.read_bytes() for file in store.folder.rglob("*") if file.is_file())
    assert rows[0].id.encode() not in everything
    assert rows[3].id.encode() in everything
    clock.now += timedelta(days=1)
    assert store.expire(MONTH) == 4
    assert list(store.folder.rglob("*.parquet")) == []


def test_a_clock_that_goes_back_loses_nothing(
    store: RecordStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    before = store.add(new_draft())
    clock.now = datetime(1970, 1, 1, tzinfo=UTC)
    assert store.expire(MONTH) == 0
    meanwhile = store.add(new_draft())
    assert meanwhile.time == clock.now
    assert store.expire(MONTH) == 0
    assert caplog.text.count("the clock has gone back, from 2026-11-30 12:00:00Z") == 1
    store.close()
    clock.now = NOON + timedelta(days=29)
    with RecordStore(store.folder, clock) as again:
        assert again.expire(MONTH) == 0
        assert {row.id for row in read_record(store.folder).answer_rows} == {
            before.id, meanwhile.id
        }  # fmt: skip
        clock.now = NOON + timedelta(days=31)
        assert again.expire(MONTH) == 2


def test_a_clock_that_was_ahead_keeps_nothing_for_years() -> None:
    ahead = NOON + timedelta(days=4000)
    for now, expected in ((NOON, False), (NOON + MONTH + timedelta(days=1), True)):
        assert is_expired(NOON, ahead, now=now, retention=MONTH) is expected


def test_two_processes_do_not_share_a_folder(store: RecordStore) -> None:
    with pytest.raises(AvemoError, match="another process is recording to"):
        RecordStore(store.folder)
    store.close()
    RecordStore(store.folder).close()


def test_a_folder_of_something_else_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(AvemoError, match="is no record, and not empty"):
        RecordStore(tmp_path)
    with pytest.raises(AvemoError, match="is no record: the folder that"):
        read_record(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(AvemoError, match="cannot be recorded to"):
        RecordStore(tmp_path / "notes.txt")


def test_a_record_of_a_later_release_is_left_alone(store: RecordStore) -> None:
    store.close()
    header = store.folder / "record.json"
    header.write_text(json.dumps({"record": "AnswerRecord", "version": 2}))
    for read in (RecordStore, read_record):
        with pytest.raises(AvemoError, match="version"):
            read(store.folder)


def test_only_this_user_can_read_it(store: RecordStore) -> None:
    store.add(new_draft())
    store.compact()
    folders = [store.folder, *(path for path in store.folder.iterdir() if path.is_dir())]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}


def test_a_line_that_does_not_fit_leaves_the_journal_as_it_was(store: RecordStore) -> None:
    """The size of files is limited, as a full disk limits it: part of the line is written first."""
    first = store.add(new_draft())
    journal = store.folder / "journal.ndjson"
    content, limits = journal.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) + 100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            store.add(new_draft())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert journal.read_bytes() == content
    second = store.add(new_draft())
    assert read_record(store.folder).answer_rows == [first, second]


WRITER = """
import sys
from pathlib import Path
from helpers.recorded_answers import new_draft
from avemo.serving.record.store import RecordStore

with RecordStore(Path(sys.argv[1])) as store:
    for number in range(100_000):
        answer = store.add(new_draft())
        print(answer.id, flush=True)  # as if it went out to a client
        if number % 20 == 19:
            store.compact()
"""


@pytest.mark.slow
@pytest.mark.parametrize("answers_before", [1, 19, 20, 33])
def test_a_kill_loses_no_answer_that_went_out(tmp_path: Path, answers_before: int) -> None:
    folder = tmp_path / "record"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)], env=environment, stdout=subprocess.PIPE
    )
    assert process.stdout
    ids = [process.stdout.readline().decode().strip() for _ in range(answers_before)]
    process.send_signal(signal.SIGKILL)
    ids += [line.decode().strip() for line in process.stdout if line.endswith(b"\n")]
    process.wait()
    process.stdout.close()
    recorded = [answer.id for answer in read_record(folder).answer_rows]
    assert recorded[: len(ids)] == ids
    assert len(recorded) - len(ids) <= 1  # under way: it had not gone out yet
    RecordStore(folder).close()  # the lock went with the process
