import hashlib
import subprocess
import sys
import tracemalloc
import wave
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from numpy.typing import NDArray

from avemo.corpus import catalogue
from avemo.corpus.adapters.ravdess import EMOTIONS, parse
from avemo.corpus.selection import select_picture_sources, select_sound_sources, select_usable
from avemo.errors import CorpusError
from avemo.media.sound import write_wav
from avemo.settings import Catalogue, Labels

RATE = 8000
RAVDESS = Path(__file__).parents[2].parent / "shared" / "ravdess"
SETTINGS = Catalogue(
    max_set_aside=0.05,
    min_duration_s=0.3,
    silence_dbfs=-60.0,
    max_clipped_ratio=0.001,
    findings={
        "silent": "exclude",
        "too-short": "exclude",
        "clipped": "warn",
        "folder": "warn",
        "emotion": "warn",
        "identical": "warn",
        "trailing": "warn",
    },
)
LABELS = Labels(classes=list(EMOTIONS), corpora={})

#: path -> the finding that it must have
CORPUS = {
    "a/03-01-05-02-01-02-12.wav": "",
    "b/03-02-01-01-02-01-01.wav": "",
    "a/fine sound.wav": "name",
    "a/03-01-09-02-01-02-12.wav": "name",
    "a/03-01-06-01-01-01-12.wav": "unreadable",  # no bytes
    "a/03-01-06-01-01-02-12.wav": "unreadable",  # text
    "a/03-01-06-01-02-01-12.wav": "too-short",
    "a/03-01-06-01-02-02-12.wav": "silent",
    "a/01-01-06-01-02-02-12.mp4": "no-picture",  # sound under a video's name
    "c/03-01-05-02-01-02-12.wav": "duplicate",  # of the first
    "a/03-01-03-01-01-01-12.wav": "unreadable",  # a copy of it is fine
    "b/03-01-03-01-01-01-12.wav": "",
    "d/03-01-03-01-02-01-07.wav": "contradiction",  # the same bytes under two actors' names
    "d/03-01-03-01-02-01-08.wav": "contradiction",
    "e/03-01-03-01-02-01-09.wav": "",
    "e/03-01-03-01-02-02-09.wav": "",  # the same bytes, of one actor and emotion
    "Actor_09/03-01-04-01-02-02-11.wav": "",  # in another actor's folder
    "f/03-02-08-01-02-02-11.wav": "",  # song has no surprise
    "f/03-02-05-01-02-02-11.wav": "",  # clipped
}
WARNINGS = {
    "e/03-01-03-01-02-02-09.wav": "identical",
    "Actor_09/03-01-04-01-02-02-11.wav": "folder",
    "f/03-02-08-01-02-02-11.wav": "emotion",
    "f/03-02-05-01-02-02-11.wav": "clipped",
}


def tone(seconds: float, level: float = 0.5, hz: int = 220) -> NDArray[np.floating]:
    return level * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    sounds = {"too-short": tone(0.1), "silent": np.zeros(RATE)}
    for number, (path, finding) in enumerate(CORPUS.items()):
        level = 2 if WARNINGS.get(path) == "clipped" else 0.5
        write_wav(folder / path, sounds.get(finding, tone(0.5, level, 200 + number)), RATE)
    for twins in ("d", "e"):
        recording, other = sorted((folder / twins).iterdir())
        other.write_bytes(recording.read_bytes())
    for path in ("a/03-01-06-01-01-01-12.wav", "a/03-01-03-01-01-01-12.wav"):
        (folder / path).write_bytes(b"")
    (folder / "a/03-01-06-01-01-02-12.wav").write_text("the words that somebody said\n" * 50)
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> pd.DataFrame:
    return catalogue.build(folder, SETTINGS, LABELS)


@pytest.mark.parametrize("path", CORPUS)
def test_findings(rows: pd.DataFrame, path: str) -> None:
    row = rows.set_index("path").loc[path]
    assert row["finding"] == CORPUS[path], row["reason"]
    assert (row["reason"] == "") == (CORPUS[path] == "")
    assert row["warnings"] == WARNINGS.get(path, "")


def test_each_recording_has_one_row_in_the_paths_order(rows: pd.DataFrame) -> None:
    assert rows["path"].tolist() == sorted(CORPUS)


def test_a_row_says_what_the_name_and_the_file_say(rows: pd.DataFrame, folder: Path) -> None:
    path = "b/03-02-01-01-02-01-01.wav"
    content = (folder / path).read_bytes()
    expected = {
        "path": path,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "recording": "03-02-01-01-02-01-01",
        "performance": "02-01-01-02-01-01",
        "modality": 3,
        "channel": 2,
        "emotion": "neutral",
        "intensity": 1,
        "statement": 2,
        "repetition": 1,
        "corpus": "ravdess",
        "actor": "01",
        "sex": "male",
        "corpus_emotion": "neutral",
        "duration_s": 0.5,
        "has_picture": False,
        "has_sound": True,
        "sample_rate": RATE,
        "channels": 1,
    }
    row = rows.set_index("path", drop=False).loc[path]
    assert row[list(expected)].to_dict() == expected
    assert row["peak_dbfs"] == pytest.approx(-6.02, abs=0.1)
    assert row["clipped_ratio"] == 0
    assert row[["width", "height", "frames", "frame_rate", "rotation"]].isna().all()


def test_the_types_do_not_depend_on_the_recordings(rows: pd.DataFrame, tmp_path: Path) -> None:
    write_wav(tmp_path / "03-01-05-02-01-02-12.wav", tone(0.5), RATE)
    (tmp_path / "03-01-05-02-02-02-12.wav").write_bytes(b"")
    single = catalogue.build(tmp_path, SETTINGS, LABELS)
    assert single.dtypes.to_dict() == rows.dtypes.to_dict()
    for column in ("sample_rate", "channels", "width", "height", "frames", "rotation"):
        assert single[column].dtype == "Int64"
    for column in ("has_picture", "has_sound", "has_audio_stream"):
        assert single[column].dtype == bool


def test_a_file_that_does_not_open_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wav(tmp_path / "03-01-05-02-01-02-12.wav", tone(0.5), RATE)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    row = catalogue.build(tmp_path, SETTINGS, LABELS).iloc[0]
    assert (row["finding"], row["sha256"]) == ("unreadable", "")
    assert "Permission denied" in row["reason"]


def test_a_long_recording_takes_no_more_memory(tmp_path: Path) -> None:
    write_wav(tmp_path / "03-01-05-02-01-02-12.wav", tone(0.5), RATE)
    catalogue.build(tmp_path, SETTINGS, LABELS)  # what it imports does not count
    with wave.open(str(tmp_path / "03-01-05-02-01-02-12.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        for _ in range(10):
            file.writeframes(bytes(2_000_000))
    tracemalloc.start()
    row = catalogue.build(tmp_path, SETTINGS, LABELS).iloc[0]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert row["duration_s"] == 1250
    assert most < 10_000_000


def test_who_measures_imports_neither_pandas_nor_pandera() -> None:
    code = "import sys, avemo.corpus.catalogue; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ended.stdout.split())
    assert "avemo.corpus.checks" in loaded
    assert loaded & {"pandas", "pandera", "pyarrow", "matplotlib"} == set()


def test_what_is_set_aside_is_not_used(rows: pd.DataFrame) -> None:
    assert set(select_usable(rows)["path"]) == {path for path, why in CORPUS.items() if not why}
    assert set(select_sound_sources(rows)["path"]) == {
        path for path, why in CORPUS.items() if not why
    }
    assert select_picture_sources(rows).empty


def test_a_catalogue_survives_its_file(rows: pd.DataFrame, tmp_path: Path) -> None:
    rows.to_parquet(tmp_path / "catalogue.parquet", index=False)
    again = pd.read_parquet(tmp_path / "catalogue.parquet")
    assert (
        select_sound_sources(again)["path"].tolist() == select_sound_sources(rows)["path"].tolist()
    )
    assert again["reason"].tolist() == rows["reason"].tolist()


def findings(*counts: tuple[str, int]) -> pd.DataFrame:
    """A catalogue with so many rows of each finding."""
    named = [name for name, count in counts for _ in range(count)]
    paths = [f"{number}.wav" for number in range(len(named))]
    return pd.DataFrame({"path": paths, "finding": named})


@pytest.mark.parametrize(
    ("limit", "counts"),
    [
        (0.0, [("", 3)]),
        (0.05, [("", 19), ("silent", 1)]),
        (0.0, [("", 3), ("duplicate", 3)]),
        (1.0, [("", 1), ("silent", 9)]),
    ],
)
def test_few_enough_set_aside_is_let_through(limit: float, counts: list[tuple[str, int]]) -> None:
    catalogue.check(findings(*counts), SETTINGS.model_copy(update={"max_set_aside": limit}))


@pytest.mark.parametrize(
    ("limit", "counts"),
    [
        (0.0, [("", 3), ("name", 1)]),
        (0.05, [("", 18), ("silent", 1)]),
        (0.05, [("", 18), ("duplicate", 1), ("too-short", 1), ("name", 1)]),
        (1.0, [("unreadable", 2)]),
    ],
)
def test_too_much_set_aside_stops(limit: float, counts: list[tuple[str, int]]) -> None:
    rows = findings(*counts)
    with pytest.raises(CorpusError, match="max_set_aside") as error:
        catalogue.check(rows, SETTINGS.model_copy(update={"max_set_aside": limit}))
    aside = rows[~rows["finding"].isin(["", "duplicate"])].iloc[0]
    assert f"{aside['path']} ({aside['finding']})" in str(error.value)
    assert "duplicate" not in str(error.value)


def recordings(
    *names: str, silent: Collection[str] = (), set_aside: Collection[str] = ()
) -> pd.DataFrame:
    parsed = [parse(name) for name in names]
    return pd.DataFrame(
        {
            "recording": [recording.id for recording in parsed],
            "performance": [recording.performance for recording in parsed],
            "modality": [recording.modality for recording in parsed],
            "has_sound": [
                recording.id not in silent for recording in parsed
            ],  # video-only ones too
            "has_picture": [recording.modality != 3 for recording in parsed],
            "finding": ["silent" if recording.id in set_aside else "" for recording in parsed],
        }
    )


TAKE, OTHER = "01-05-02-01-02-12", "02-05-02-01-02-12"
BOTH = [f"01-{TAKE}", f"02-{TAKE}", f"03-{TAKE}", f"02-{OTHER}", f"01-{OTHER}"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_performance_is_heard_in_audio_only_first_and_seen_in_audio_video(order: int) -> None:
    rows = recordings(*BOTH[::order])
    assert select_sound_sources(rows)["recording"].tolist() == [f"03-{TAKE}", f"01-{OTHER}"]
    assert select_picture_sources(rows)["recording"].tolist() == [f"01-{TAKE}", f"01-{OTHER}"]


def test_a_silent_video_is_not_heard() -> None:
    rows = recordings(f"01-{TAKE}", f"02-{TAKE}", f"02-{OTHER}", silent=[f"01-{TAKE}"])
    assert select_sound_sources(rows).empty
    assert select_picture_sources(rows)["recording"].tolist() == [f"01-{TAKE}", f"02-{OTHER}"]


def test_what_is_set_aside_is_replaced_by_what_is_left() -> None:
    rows = recordings(*BOTH, set_aside=[f"03-{TAKE}", f"01-{OTHER}"])
    assert select_sound_sources(rows)["recording"].tolist() == [f"01-{TAKE}"]
    assert select_picture_sources(rows)["recording"].tolist() == [f"01-{TAKE}", f"02-{OTHER}"]


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.skipif(not RAVDESS.exists(), reason="../shared/ravdess is absent")
def test_the_published_recordings(tmp_path: Path) -> None:
    for source in (RAVDESS / "speech").glob("*-07.flac"):
        sound, rate = soundfile.read(source, dtype="int16")
        (tmp_path / "Actor_07").mkdir(exist_ok=True)
        soundfile.write(tmp_path / "Actor_07" / f"{source.stem}.wav", sound, rate)
    for source in (RAVDESS / "video").glob("*.mp4"):
        (tmp_path / source.name).symlink_to(source)
    rows = catalogue.build(tmp_path, SETTINGS, LABELS).set_index("recording")
    assert len(rows) == 60 + 12
    assert rows["finding"].eq("").all()
    warnings = rows[rows["warnings"].ne("")]["warnings"].to_dict()
    assert warnings == {"03-01-03-01-02-02-07": "identical"}
    pair = ["03-01-03-01-02-01-07", "03-01-03-01-02-02-07"]
    assert rows.loc[pair, "sha256"].nunique() == 1
    silent = rows[rows["has_audio_stream"] & ~rows["has_sound"]]
    assert set(silent["modality"]) == {2}
    assert len(silent) == rows["modality"].eq(2).sum() == 5
