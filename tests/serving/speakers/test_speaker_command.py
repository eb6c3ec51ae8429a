"""Enrolling people on the command line, and predictions that adapt to them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.many_clips import RATE, write_clips
from helpers.registered_versions import new_project
from helpers.sounds import voice
from helpers.speakers import register_adapting_champion

from avemo.cli import main
from avemo.media.sound import write_wav


@pytest.fixture
def project(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = register_adapting_champion(tmp_path)
    monkeypatch.setenv("AVEMO_ROOT", str(root))
    monkeypatch.chdir(tmp_path)
    return root


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str], list[str]]:
    capsys.readouterr()
    code = main(arguments)
    out, err = capsys.readouterr()
    # what takes long is named with an ellipsis
    return code, out.splitlines(), [
        line for line in err.splitlines() if "\r" not in line and not line.endswith("…")
    ]  # fmt: skip


@pytest.mark.slow
def test_another_voice_is_not_added(
    registry: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = register_adapting_champion(tmp_path, farthest=-1e6)
    monkeypatch.setenv("AVEMO_ROOT", str(root))
    first, second = map(str, write_clips(tmp_path / "clips", 2))
    code, out, err = run("speaker", "enrol", "Ana", first, second, capsys=capsys)
    assert code == 1
    assert out[-1].startswith("Ana: 1 clip, 0 of them neutral")
    assert err[-1].startswith(f"{second}: other-speaker: ")


@pytest.mark.slow
def test_a_person_from_enrolment_to_deletion(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = write_clips(tmp_path / "clips", 3)
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    write_wav(tmp_path / "silent.wav", np.zeros(RATE, np.float32), RATE)

    files = [str(first), "broken.wav", "silent.wav", str(first)]
    code, out, err = run("speaker", "enrol", "Zoë", "--neutral", *files, capsys=capsys)
    assert code == 1
    assert out[0].startswith(f"{first}: added; 0.5 s of voice")
    assert "; unadapted, it sounds " in out[0]
    assert out[1].startswith(f"{first}: counts already")
    assert out[2].startswith("Zoë: 1 clip, 1 of them neutral, with avemo-audio version 1")
    assert [line.split(": ")[:2] for line in err] == [
        ["broken.wav", "unreadable"],
        ["silent.wav", "silent"],
    ]

    code, out, _ = run("speaker", "enrol", "Zoë", str(second), capsys=capsys)
    assert code == 0
    assert "2 clips, 1 of them neutral" in out[-1]
    code, out, _ = run("speaker", "list", "--json", capsys=capsys)
    fields = json.loads(out[0])
    assert (fields["name"], fields["clips"], fields["neutral_clips"]) == ("Zoë", 2, 1)
    _, out, _ = run("speaker", "show", "Zoë", capsys=capsys)
    assert sum("SHA-256" in line for line in out) == 2

    _, plain, _ = run("predict", str(third), "--json", capsys=capsys)
    code, out, _ = run("predict", "--speaker", "Zoë", str(third), "--json", capsys=capsys)
    assert code == 0
    unadapted, adapted = json.loads(plain[0]), json.loads(out[0])
    assert adapted["speaker"] == "Zoë"
    assert "neutral" in adapted["adaptation"]
    assert unadapted["adaptation"] == unadapted["speaker"] == ""
    assert adapted["probabilities"] != unadapted["probabilities"]
    _, out, _ = run("predict", "--speaker", "Zoë", str(third), capsys=capsys)
    assert f"; adapted to {adapted['adaptation']}" in out[0]

    code, out, _ = run("speaker", "enrol", "Zoë", "--again", str(third), capsys=capsys)
    assert "1 clip, 0 of them neutral" in out[-1]
    code, out, _ = run("speaker", "delete", "Zoë", capsys=capsys)
    assert (code, out) == (0, ["Zoë is deleted: 1 file"])
    assert not list(project.rglob("speakers/*.json"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["speaker", "enrol", "../x", "a.wav"], "avemo: ../x reads like a path"),
        (["speaker", "enrol", " ", "a.wav"], "avemo: a speaker's name of 0 characters"),
        (["speaker", "show", "Ana"], "avemo: Ana is not enrolled"),
        (["speaker", "delete", "Ana"], "avemo: Ana is not enrolled"),
        (["speaker", "list"], "avemo: nobody is enrolled"),
        (["predict", "--speaker", "Ana", "a.wav"], "avemo: Ana is not enrolled"),
        (["predict", "--speaker", "a/b", "a.wav"], "avemo: a/b reads like a path"),
        (["predict", "none.csv"], "avemo: the table none.csv cannot be read: No such file"),
        (["predict", "odd.csv"], "avemo: the table odd.csv has no rows with a column path"),
        (["predict", "twice.csv"], "avemo: a.wav is named twice, with the speakers Ana and Ben"),
        (["predict", "unnamed.csv"], "avemo: the table unnamed.csv names no path in line 3"),
        (["predict", "path.csv"], "avemo: the table path.csv, line 2: ../Ana reads like a path"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.setenv("AVEMO_ROOT", str(new_project(tmp_path / "project").root))
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(write_clips(tmp_path / "clips", 1)[0], "a.wav")
    Path("odd.csv").write_text("file,who\na.wav,Ana\n")
    Path("twice.csv").write_text("path,speaker\na.wav,Ana\na.wav,Ben\n")
    Path("unnamed.csv").write_text("path,speaker\na.wav,Ana\n,Ben\n")
    Path("path.csv").write_text("path,speaker\na.wav,../Ana\n")
    code, out, err = run(*arguments, capsys=capsys)
    assert out == []
    assert code == (0 if arguments == ["speaker", "list"] else 1)
    assert err[-1].startswith(message)


@pytest.mark.slow
def test_the_speakers_of_a_table(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ana, also, ben, other, nobody = write_clips(tmp_path / "clips", 5)
    table = "speaker,path,note\n" + "".join(
        f"{name},{file.name},x\n"
        for name, file in (("Ana", ana), ("Ana", also), ("Ben", ben), ("Ben", other), ("", nobody))
    )
    people = Path("clips", "people.csv")  # beside its clips, as a manifest is
    people.write_text(table, encoding="utf-8-sig")
    run("speaker", "enrol", "Ana", "--neutral", str(ana), capsys=capsys)
    code, _, err = run("predict", str(people), "--csv", "a.csv", capsys=capsys)
    assert code == 0
    assert any(line.startswith("avemo: Ben: not enrolled, predicted without") for line in err)
    rows = pd.read_csv("a.csv", keep_default_na=False)
    assert rows["speaker"].tolist() == ["Ana", "Ana", "Ben", "Ben", ""]
    assert (rows["adaptation"] != "").tolist() == [True, True, False, False, False]

    code, _, err = run("predict", f"@{people}", "--adapt", "--csv", "b.csv", capsys=capsys)
    assert code == 0
    both = pd.read_csv("b.csv", keep_default_na=False)
    assert (both["adaptation"] != "").tolist() == [True, True, True, True, False]
    assert both["p_sad"][4] == rows["p_sad"][4], "it has no speaker"
    assert both["p_sad"][2] != rows["p_sad"][2]
    _, out, _ = run("speaker", "list", capsys=capsys)
    assert [line.partition(":")[0] for line in out] == ["Ana"], "nothing of the batch is stored"

    before = Path("b.csv").read_bytes()
    arguments = ["--adapt", "--csv", "b.csv", "--workers", "2"]
    run("predict", str(people), *arguments, capsys=capsys)
    assert Path("b.csv").read_bytes() == before, "of the journal"
    Path("b.csv.journal").unlink()
    run("predict", str(people), *arguments, capsys=capsys)
    assert Path("b.csv").read_bytes() == before, "with any number of workers"
    run("speaker", "enrol", "Ben", "--neutral", str(ben), capsys=capsys)
    run("predict", str(people), *arguments, capsys=capsys)
    after = pd.read_csv("b.csv", keep_default_na=False)
    assert after["p_sad"][3] != both["p_sad"][3], "what is known of Ben has changed"
    assert after["p_sad"][1] == both["p_sad"][1]


def test_adapt_without_speakers_makes_no_sense(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = write_clips(tmp_path / "clips", 1)
    code, _, err = run("predict", "--adapt", str(file), capsys=capsys)
    assert code == 2
    assert "--adapt needs to know whose clips these are" in err[-1]


@pytest.mark.slow
def test_another_space_is_refused_with_what_to_enrol(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = write_clips(tmp_path / "clips", 2)
    run("speaker", "enrol", "Ana", "--neutral", str(first), capsys=capsys)
    register_adapting_champion(tmp_path / "other", other_space=True)
    code, out, err = run("predict", "--speaker", "Ana", str(second), capsys=capsys)
    assert (code, out) == (1, [])
    (line,) = err
    assert "other-space: Ana was enrolled with avemo-audio version 1" in line
    assert "avemo-audio version 2" in line
    assert "enrol the 1 neutral clip again" in line
    run("speaker", "enrol", "Ana", "--neutral", str(first), capsys=capsys)
    code, _, _ = run("predict", "--speaker", "Ana", str(second), capsys=capsys)
    assert code == 0
    _, out, _ = run("speaker", "delete", "Ana", capsys=capsys)
    assert out == ["Ana is deleted: 2 files"]


@pytest.mark.slow
def test_timelines_adapt_as_they_go(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (neutral,) = write_clips(tmp_path / "clips", 1)
    write_wav(tmp_path / "long.wav", voice(RATE, 4, 0.5).astype(np.float32), RATE)
    run("speaker", "enrol", "Ana", "--neutral", str(neutral), capsys=capsys)

    def adaptations(*options: str) -> list[str]:
        windows = ["--timeline", "out", "--window", "1", "--hop", "0.5"]
        code, _, err = run("predict", "long.wav", *windows, *options, capsys=capsys)
        assert code == 0, err
        rows = pd.read_csv("out/long.wav.csv", keep_default_na=False)
        return rows["adaptation"].tolist()

    assert set(adaptations()) == {""}
    learning = adaptations("--adapt")
    assert learning[0] == ""
    assert learning[-1].startswith("unlabelled, ")
    (enrolled,) = set(adaptations("--speaker", "Ana"))
    assert enrolled.startswith("neutral baseline of 1 clip (")
    assert enrolled.endswith(" % of the person known)")
    assert adaptations("--speaker", "Ana", "--adapt")[-1].startswith("1 of ")
    assert adaptations("--adapt") == learning, "of the journal or computed again"
