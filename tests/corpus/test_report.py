import base64
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from avemo.config import load_settings
from avemo.corpus import checks, report
from avemo.settings import Settings

SETTINGS = load_settings(Path(__file__).parents[2])
SAMPLE, OWN = (
    SETTINGS.model_copy(update={"corpus": SETTINGS.corpus.model_copy(update={"source": source})})
    for source in ("sample", "path")
)
#: pandas' stubs do not know it as a value of a column
ABSENT: Any = pd.NA
FIGURES = {"emotions.png", "actors.png", "durations.png"}


def catalogue(**columns: Any) -> pd.DataFrame:
    """Every recording of two actors but one, measured."""
    named = [recording for recording in checks.list_published() if recording.actor in (1, 2)][1:]
    rows = pd.DataFrame([asdict(recording) for recording in named])
    silent = rows["modality"].eq(2)
    rows = rows.assign(
        path=[recording.file.as_posix() for recording in named],
        bytes=1_000_000,
        sha256=[recording.id for recording in named],
        recording=[recording.id for recording in named],
        performance=[recording.performance for recording in named],
        corpus="ravdess",
        actor=[f"{recording.actor:02d}" for recording in named],
        emotion=[recording.label for recording in named],
        corpus_emotion=[recording.label for recording in named],
        duration_s=np.linspace(3, 5, len(rows)),
        has_picture=rows["modality"].ne(3),
        has_sound=~silent,
        has_audio_stream=True,
        sample_rate=48000,
        channels=1,
        heard_channel=None,
        peak_dbfs=-6.0,
        clipped_ratio=0.0,
        trailing_bytes=0,
        **dict.fromkeys(("width", "height", "frames", "rotation"), 720),
        frame_rate=30000 / 1001,
        finding="",
        reason="",
    )
    return checks.apply_checks(rows.assign(**columns), SETTINGS.catalogue)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rows = catalogue()
    wavs = rows.index[rows["modality"].eq(3)]
    rows.loc[wavs[1:3], "sha256"] = "one"
    rows.loc[wavs[5], ["finding", "reason"]] = "silent", "the sound's peak stays below -60 dBFS"
    rows.loc[wavs[10:30], "warnings"] = "clipped, folder"
    return rows


@pytest.fixture(scope="module")
def folder(rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on the rows as recordings of people."""
    folder = tmp_path_factory.mktemp("reports") / "own"
    written(rows, OWN, folder)
    return folder


def written(rows: pd.DataFrame, settings: Settings, folder: Path) -> tuple[str, str]:
    folder.mkdir()
    report.write(rows, settings, folder)
    return read(folder)


def read(folder: Path) -> tuple[str, str]:
    return (folder / "catalogue.md").read_text(), (folder / "catalogue.html").read_text()


def section(text: str, title: str) -> str:
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.slow
def test_the_tables_say_what_is_in_the_catalogue(rows: pd.DataFrame, folder: Path) -> None:
    text, _ = read(folder)
    used = len(rows) - 1
    hours = rows[rows["finding"].eq("")]["duration_s"].sum() / 3600
    assert f"| all | {used} | 208 | 2 | {hours:.2f} | {used:.1f} MB | 1 |" in text
    findings = section(text, "Findings")
    assert re.search(r"\| `silent` .* set aside \| 1 \|", findings)
    assert re.search(r"\| `contradiction` .* set aside, always \| 0 \|", findings)
    assert re.search(r"\| `clipped` .* warned of \| 20 \|", findings)
    assert findings.count("- and 10 more") == 2
    silent = rows[rows["finding"].eq("silent")]["path"].iloc[0]
    assert f"- `{silent}`: the sound's peak stays below -60 dBFS" in findings
    first, second = sorted(rows[rows["sha256"].eq("one")]["path"])
    assert f"- `{first}` = `{second}`\n" in section(text, "Byte-identical recordings")
    tracks = section(text, "Silent tracks")
    assert "| video-only | 208 | 208 |" in tracks
    assert tracks.count("\n- `") == 10
    assert "- and 198 more" in tracks
    formats = section(text + "\n", "Formats")
    assert "| audio-only | 48000 | 1 | 207 |" in formats
    assert "| audio-video | 720 | 720 | 720 | 29.97 | 207 |" in formats


def test_missing_files_are_counted_by_archive(folder: Path) -> None:
    lost = checks.list_published()[0]
    missing = section(read(folder)[0], "Missing files")
    assert f"| `Video_Speech_Actor_01` | 1 | `{lost.file.name}` |" in missing
    assert "| `Audio_Song_Actors_01-24` | 924 | `03-02-01-01-01-01-03.wav`" in missing
    assert " and 914 more |" in missing


@pytest.mark.slow
def test_of_the_sample_nothing_is_missing_and_all_is_synthetic(
    rows: pd.DataFrame, folder: Path, tmp_path: Path
) -> None:
    for number, page in enumerate(written(rows, SAMPLE, tmp_path / "sample")):
        assert "synthetic sample" in page, number
        assert "Missing files" not in page
    for page in read(folder):
        assert "synthetic" not in page
    for name in FIGURES:  # the pictures say so too
        assert (tmp_path / "sample" / name).read_bytes() != (folder / name).read_bytes()


def test_the_page_holds_its_figures(folder: Path) -> None:
    text, page = read(folder)
    assert set(re.findall(r"\]\((\w+\.png)\)", text)) == FIGURES
    assert {file.name for file in folder.glob("*.png")} == FIGURES
    sources = re.findall(r'src="([^"]*)"', page)
    assert len(sources) == 3
    for source in sources:
        kind, _, content = source.partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(content).startswith(b"\x89PNG")
    assert page.count("<table>") == len(re.findall("^[|] ---", text, re.MULTILINE))
    assert "http" not in page


@pytest.mark.slow
def test_the_same_catalogue_makes_the_same_bytes(
    rows: pd.DataFrame, folder: Path, tmp_path: Path
) -> None:
    written(rows, OWN, tmp_path / "other")
    files = sorted(folder.iterdir())
    assert len(files) == 5
    for file in files:
        assert file.read_bytes() == (tmp_path / "other" / file.name).read_bytes(), file.name


@pytest.mark.slow
def test_names_are_shown_as_they_are(rows: pd.DataFrame, tmp_path: Path) -> None:
    wrong = rows.assign(warnings="")
    wrong.loc[0, ["path", "finding", "reason", "recording"]] = (
        "a|b/<b>_x_.wav",
        "name",
        "'<b>_x_' is `no` | *name*",
        "",
    )
    _, page = written(wrong, OWN, tmp_path / "report")
    assert "<code>a|b/&lt;b&gt;_x_.wav</code>: '&lt;b&gt;_x_' is `no` | *name*" in page


@pytest.mark.parametrize("finding", ["", "name", "unreadable"])
def test_little_or_nothing_to_show(finding: str, tmp_path: Path) -> None:
    rows = catalogue()[:1].assign(finding=finding, reason=finding)
    rows = rows.assign(
        duration_s=1.0, has_sound=False, has_picture=False, sample_rate=ABSENT, channels=ABSENT
    )
    text, page = written(rows, OWN, tmp_path / "report")
    assert ("emotions.png" in text) == (finding == "")
    assert "<h2>Findings</h2>" in page


@pytest.mark.slow
def test_sound_alone(rows: pd.DataFrame, tmp_path: Path) -> None:
    sounds = rows[rows["modality"].eq(3)].assign(width=ABSENT, height=ABSENT, frame_rate=np.nan)
    text, _ = written(sounds, OWN, tmp_path / "report")
    assert "None: no sound track is silent." in text
    assert "picture of" not in text
    assert "video" not in section(text, "Formats")
