"""`avemo record`: corrections, the list to train on, drift, and what is old."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import mlflow
import pytest
from helpers.recorded_answers import CLASSES, Clock, new_draft
from helpers.registered_versions import NAME, new_project, register_version

from avemo.cli import main
from avemo.corpus.manifest import read_manifest
from avemo.errors import AvemoError
from avemo.records import ValidationProfile
from avemo.serving.record.corrections import NEEDED, compare_corrections, list_corrected
from avemo.serving.record.drift import report_answers
from avemo.serving.record.rows import AnsweredWindow
from avemo.serving.record.store import RecordStore, read_record
from avemo.serving.record.timeline import summarise
from avemo.tracking.integrity import CHECKSUMS_TAG

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def new_record(folder: Path, *rows: tuple[str, str, str, bool | None]) -> Path:
    """Write a record: of each answer, the clip's content, what it is, what it should be, consent.

    Consent is None where nobody corrects it.
    """
    clock = Clock(NOON)
    with RecordStore(folder, clock) as store:
        for content, emotion, corrected, consent in rows:
            clock.now += timedelta(minutes=1)
            answer = store.add(new_draft(emotion, sha256=sha256_of(content.encode())))
            if consent is not None:
                store.correct(answer, corrected, consent=consent)
    return folder


def test_the_last_correction_of_a_clip_counts_once(tmp_path: Path) -> None:
    record = new_record(
        tmp_path / "record",
        ("a", "sad", "happy", True),
        ("a", "sad", "calm", True),
        ("b", "sad", "sad", True),
        ("c", "calm", "", None),
    )
    reading = read_record(record)
    (compared,) = compare_corrections(list_corrected(reading.answer_rows, reading.corrections))
    assert compared.label == "avemo-audio version 1"
    assert compared.classes == CLASSES
    assert compared.counts.tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert compared.share_right("sad") is None


def test_an_interval_comes_with_enough_clips(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(f"clip {n}", "sad", "sad" if n % 4 else "happy", True) for n in range(NEEDED)]
    record = new_record(tmp_path / "record", *rows, ("other", "happy", "happy", True))
    assert main(["record", "corrections", str(record)]) == 0
    text = capsys.readouterr().out
    assert "avemo-audio version 1: 21 clips with an answer were corrected" in text
    assert "75% [53%, 89%]" in text  # Wilson's interval of 15 of 20
    assert "an interval needs 20 clips, 19 more" in text
    assert main(["record", "corrections", str(record), "--json"]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert fields["counts"][0] == [15, 5, 0]
    assert fields["share_right"]["sad"]["low"] == pytest.approx(0.531, abs=1e-3)
    assert fields["share_right"]["happy"] is None


def test_the_list_holds_no_clip_without_consent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = new_record(
        tmp_path / "record",
        ("agreed", "sad", "happy", True),
        ("refused", "sad", "calm", False),
        ("taken back", "sad", "calm", True),
        ("taken back", "sad", "calm", False),
        ("agreed, and elsewhere", "sad", "calm", True),
        ("nobody corrects it", "sad", "", None),
    )
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in ("agreed", "refused", "taken back", "nobody corrects it", "never sent"):
        (clips / f"{name}.wav").write_bytes(name.encode())
    target = tmp_path / "list.csv"
    assert main(["record", "corrections", str(record), "--list", str(target)]) == 0
    lines = target.read_text().splitlines()
    assert lines[0] == "sha256,emotion"
    assert sorted(lines[1:]) == sorted(
        [f"{sha256_of(b'agreed')},happy", f"{sha256_of(b'agreed, and elsewhere')},calm"]
    )
    options = ["--list", str(target), "--media"]
    assert main(["record", "corrections", str(record), *options, str(clips)]) == 0
    assert "1 of them have no speaker" in capsys.readouterr().err
    table = tmp_path / "clips.csv"
    table.write_text("path,speaker\n" + "".join(f"{own},Ana\n" for own in clips.glob("*.wav")))
    assert main(["record", "corrections", str(record), *options, str(table)]) == 0
    manifest = read_manifest(target)  # what a next training takes
    assert manifest[["path", "speaker", "emotion"]].to_numpy().tolist() == [
        [str(clips / "agreed.wav"), "Ana", "happy"]
    ]


def test_a_damaged_part_is_named_and_the_rest_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = new_record(tmp_path / "record", ("a", "sad", "happy", True))
    (record / "answers" / "20261101.parquet").write_bytes(b"PAR1 and no more")
    assert main(["record", "corrections", str(record)]) == 1
    output = capsys.readouterr()
    assert "1 clips with an answer" in output.out
    (line,) = output.err.splitlines()
    assert "20261101.parquet cannot be read" in line


def test_purge_removes_what_is_older(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(UTC)
    clock, record = Clock(now - timedelta(days=10)), tmp_path / "record"
    with RecordStore(record, clock) as store:
        store.correct(store.add(new_draft()), "happy", consent=True)
        clock.now = now
        young = store.add(new_draft())
        assert main(["record", "purge", str(record), "--days", "7"]) == 1
        assert "another process is recording to" in capsys.readouterr().err
    assert main(["record", "purge", str(record), "--days", "7"]) == 0
    assert capsys.readouterr().out == f"2 rows are removed from {record}\n"
    assert read_record(record).answer_rows == [young]
    assert main(["record", "purge", str(tmp_path / "other"), "--days", "7"]) == 1
    assert not (tmp_path / "other").exists()
    assert main(["record", "purge", str(record), "--days", "0"]) == 0
    assert read_record(record).answer_rows == []


def test_a_timeline_is_what_most_of_it_is() -> None:
    def window(
        start: float, end: float, emotion: str, *, track: int | None = 0, unsure: bool = False
    ) -> AnsweredWindow:
        probabilities = {name: 0.8 if name == emotion else 0.1 for name in CLASSES}
        return AnsweredWindow(
            start=start,
            end=end,
            track=track,
            finding="" if emotion else "no-face",
            unsure=unsure,
            probabilities=probabilities if emotion else {},
        )

    rows = [window(0, 1, "sad"), window(1, 3, "calm", unsure=True), window(3, 3.5, "happy")]
    assert summarise(rows).emotion == "sad"
    assert summarise([*rows, window(0, 9, "happy", track=1)]).emotion == "happy"
    assert summarise(rows[1:2]).unsure
    assert summarise([window(0, 1, "")]).finding == "no-face"
    assert summarise([]).finding == ""


@pytest.mark.slow
def test_drift_is_measured_on_recorded_answers(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVEMO_ROOT", str(new_project(tmp_path / "project").root))
    profile = ValidationProfile(
        modality="audio",
        performances=200,
        emotions={"sad": 100, "happy": 50, "calm": 50},
        unsure=0,
        loudness_dbfs=[],
        face_px=[],
    )
    number = register_version(tmp_path / "version", None, profile=profile)
    seal = mlflow.MlflowClient().get_model_version(NAME, number).tags[CHECKSUMS_TAG]
    record = tmp_path / "record"
    with RecordStore(record) as store:
        for index in range(60):
            emotion = "sad" if index % 2 else ("happy", "calm")[index % 4 // 2]
            store.add(new_draft(emotion, version=number, seal=seal))
        store.add(new_draft(version=number, seal=seal, finding="silent"))
        store.add(new_draft("happy", version=number, seal=seal, kind="timeline"))
    rows = read_record(record).answer_rows
    lines = report_answers(rows, record, None)
    assert lines[0].startswith(f"avemo-audio version {number}: 61 clips from ")
    assert "no difference beyond chance" in lines[2]
    assert "(silent 1)" in lines[-1]
    happy = [row for row in rows if row.emotion == "happy"]
    changed = report_answers(happy, record, tmp_path / "drift.html")
    assert any("Most changed is" in line for line in changed)
    assert "Jensen-Shannon" in (tmp_path / "drift.html").read_text()
    with pytest.raises(AvemoError, match="there is nothing to compare"):
        report_answers([], record, None)
