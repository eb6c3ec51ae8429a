"""Recordings of other corpora, from their manifest to the catalogue and its sources."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.sounds import encoded, voice

from avemo.corpus import catalogue
from avemo.corpus.manifest_fetch import fetch_manifest, summarise_missing
from avemo.corpus.manifest_write import list_folder, write_manifest
from avemo.corpus.selection import select_picture_sources, select_sound_sources
from avemo.corpus.soundtrack import locate_sound
from avemo.errors import CorpusError
from avemo.media.sound import read_sound
from avemo.settings import Catalogue, Labels

OTHERS = Path(__file__).parents[2].parent / "shared" / "other_corpora"
RATE = 16_000
SETTINGS = Catalogue(
    max_set_aside=0.3,
    min_duration_s=0.3,
    silence_dbfs=-60.0,
    max_clipped_ratio=0.001,
    findings=dict.fromkeys(
        ("silent", "too-short", "clipped", "trailing", "folder", "emotion", "identical"), "warn"
    ),
)
LABELS = Labels(
    classes=["neutral", "happy", "sad", "angry"],
    corpora={"emodb": {"boredom": None}, "own": {"joy": "happy"}, "ravdess": {"calm": "neutral"}},
)


def put(folder: Path, *names: str) -> None:
    """Write a sound under each name, each of another length."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        sound = voice(RATE, 0.6 + len(name) / 100 + number / 10)
        format = "mp3" if name.endswith(".mp3") else "wav-16"
        (folder / name).write_bytes(encoded(sound, RATE, format))


def build(manifest: Path, raw: Path) -> pd.DataFrame:
    fetch_manifest(manifest, raw)
    return catalogue.build(raw, SETTINGS, LABELS)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Three corpora in one manifest."""
    folder = tmp_path_factory.mktemp("corpora")
    put(folder / "berlin", "03a01Fa.wav", "03a01La.wav", "08b02Nb.wav")
    put(folder / "speech", "Actor_01/03-01-02-01-01-01-01.wav")
    put(folder / "mine", "anna/1.mp3", "anna/2.mp3")
    (folder / "mine/anna/2.mp3").write_bytes(b"no sound")
    listed = [list_folder(folder / name) for name in ("berlin", "speech")]
    table = write_manifest(folder / "manifest.csv", listed)
    mine = {"path": ["mine/anna/1.mp3", "mine/anna/2.mp3"], "speaker": "anna", "emotion": "joy"}
    table = pd.concat([table, pd.DataFrame(mine)])
    table.to_csv(folder / "manifest.csv", index=False)
    return build(folder / "manifest.csv", folder / "raw").set_index("path")


def row_of(rows: pd.DataFrame, path: str) -> dict[Hashable, Any]:
    return rows.loc[[path]].to_dict("records")[0]


def test_speakers_performances_and_recordings_are_named_after_their_corpus(
    rows: pd.DataFrame,
) -> None:
    happy = row_of(rows, "berlin/03a01Fa.wav")
    assert [happy[name] for name in ("corpus", "actor", "sex", "language")] == [
        *("emodb", "emodb-03", "male", "de")
    ]
    assert happy["performance"] == "emodb-03a01Fa"
    assert happy["recording"] == "emodb-berlin/03a01Fa.wav"
    assert [happy[name] for name in ("modality", "channel", "emotion", "finding")] == [
        3,
        1,
        "happy",
        "",
    ]
    mine = row_of(rows, "mine/anna/1.mp3")
    assert [mine[name] for name in ("actor", "sex", "performance", "emotion")] == [
        *("own-anna", "unknown", "own-mine/anna/1", "happy")
    ]


def test_ravdess_is_known_by_its_names_in_a_manifest_too(rows: pd.DataFrame) -> None:
    calm = row_of(rows, "speech/Actor_01/03-01-02-01-01-01-01.wav")
    assert calm["performance"] == "01-02-01-01-01-01"
    assert [calm[name] for name in ("actor", "sex", "corpus_emotion", "emotion")] == [
        *("01", "male", "calm", "neutral")
    ]
    assert calm["intensity"] == 1


def test_what_is_left_out_or_does_not_decode_stays_with_its_reason(rows: pd.DataFrame) -> None:
    findings = {path: finding for path, finding in rows["finding"].items() if finding}
    assert findings == {"berlin/03a01La.wav": "left-out", "mine/anna/2.mp3": "unreadable"}
    assert rows.loc["berlin/03a01La.wav", "reason"] == "boredom is no class (labels.corpora.emodb)"
    catalogue.check(rows.reset_index(), SETTINGS)  # one of five, not two of six
    strict = SETTINGS.model_copy(update={"max_set_aside": 0.19})
    with pytest.raises(CorpusError, match=r"1 of 5 recordings \(20.0%\)"):
        catalogue.check(rows.reset_index(), strict)


def test_an_emotion_without_a_class_is_named_with_the_line_to_add(tmp_path: Path) -> None:
    put(tmp_path, "03a01Fa.wav", "03a01Aa.wav", "03a01Ea.wav")
    write_manifest(tmp_path / "manifest.csv", [list_folder(tmp_path)])
    line = r"emodb has disgust, fearful: `emodb: {boredom: null, disgust: null, fearful: null}`"
    with pytest.raises(CorpusError, match=line):
        build(tmp_path / "manifest.csv", tmp_path / "raw")


def test_missing_files_are_counted_and_none_at_all_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.wav")
    (tmp_path / "m.csv").write_text("path,speaker,emotion\na.wav,1,sad\nb.wav,1,sad\n")
    fetched = fetch_manifest(tmp_path / "m.csv", tmp_path / "raw")
    assert summarise_missing(fetched) == "1 of 2 files are missing: b.wav"
    built = catalogue.build(tmp_path / "raw", SETTINGS, LABELS)
    assert built["finding"].tolist() == ["", "missing"]
    (tmp_path / "a.wav").unlink()
    with pytest.raises(CorpusError, match=r"none of its 2 files exists, such as .*a\.wav"):
        fetch_manifest(tmp_path / "m.csv", tmp_path / "other")


def test_a_name_that_says_another_speaker_than_the_manifest_is_set_aside(tmp_path: Path) -> None:
    put(tmp_path, "03-01-04-01-01-01-01.wav", "03-01-04-01-01-01-02.wav")
    (tmp_path / "m.csv").write_text(
        "path,speaker,emotion,corpus\n03-01-04-01-01-01-01.wav,01,sad,ravdess\n"
        "03-01-04-01-01-01-02.wav,01,sad,ravdess\n"
    )
    built = build(tmp_path / "m.csv", tmp_path / "raw")
    assert built["finding"].tolist() == ["", "name"]
    assert "the manifest says 01, sad" in built["reason"][1]


def test_parts_are_cut_to_the_samples_of_the_whole(tmp_path: Path) -> None:
    put(tmp_path, "a.mp3")
    (tmp_path / "m.csv").write_text(
        "path,speaker,emotion,start,end\na.mp3,1,sad,,0.25\na.mp3,2,happy,0.25,\n"
        "a.mp3,1,joy,0.1,9\na.mp3,1,sad,8,\n"
    )
    raw = tmp_path / "raw"
    built = build(tmp_path / "m.csv", raw)
    assert sorted(built["path"]) == [
        "a_0-0.25.mp3.wav",
        "a_0.1-9.mp3",
        "a_0.25-end.mp3.wav",
        "a_8-end.mp3",
    ]
    beyond = built[built["finding"].eq("beyond-end")]
    assert beyond["path"].tolist() == ["a_0.1-9.mp3", "a_8-end.mp3"]
    assert "from 0.1 s to 9 s, and the file ends after 0.6" in beyond["reason"].iloc[0]
    parts = [read_sound(raw / name, RATE) for name in ("a_0-0.25.mp3.wav", "a_0.25-end.mp3.wav")]
    assert len(parts[0]) == RATE // 4
    np.testing.assert_array_equal(np.concatenate(parts), read_sound(tmp_path / "a.mp3", RATE))
    assert {file.name for file in raw.iterdir()} == {
        *("a_0-0.25.mp3.wav", "a_0.25-end.mp3.wav", "manifest.parquet")
    }


def test_the_sound_of_a_performance_is_its_sound_file_and_not_its_film(tmp_path: Path) -> None:
    sources = pd.DataFrame(
        {
            "performance": "x-1",
            "recording": ["x-v/1.mp4", "x-a/1.m4a"],
            "path": ["v/1.mp4", "a/1.m4a"],
            "modality": [1, 3],
            "has_sound": True,
            "has_picture": [True, False],
            "finding": "",
        }
    )
    (_, heard), *none = select_sound_sources(sources).iterrows()
    assert not none
    assert locate_sound(heard, tmp_path / "raw", tmp_path) == tmp_path / "raw/a/1.m4a"
    (_, film), *none = select_sound_sources(sources[:1]).iterrows()
    assert not none
    assert locate_sound(film, tmp_path / "raw", tmp_path) == tmp_path / "x-v/1.mp4.wav"


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.skipif(not OTHERS.exists(), reason="../shared/other_corpora is absent")
def test_real_recordings(tmp_path: Path) -> None:
    """EmoDB, CREMA-D and MEAD, whose films here have no sound."""
    names = ("emodb", "crema_d", "mead")
    write_manifest(tmp_path / "m.csv", [list_folder(OTHERS / name) for name in names])
    fetch_manifest(tmp_path / "m.csv", tmp_path / "raw")
    classes = ["neutral", "happy", "sad", "angry", "fearful", "disgust", "surprised"]
    labels = Labels(classes=classes, corpora={"mead": {"contempt": None}})
    built = catalogue.build(tmp_path / "raw", SETTINGS, labels)
    left_out = built[built["finding"].eq("left-out")]
    assert left_out["corpus_emotion"].tolist() == ["contempt"]
    used = built[built["finding"].eq("")]
    assert len(used) == len(built) - 1 == 17 + 6 + 7
    assert used.groupby("corpus")["modality"].agg(set).to_dict() == {
        **{"crema_d": {3}, "emodb": {3}, "mead": {2}}
    }
    assert sorted(used["actor"].unique()) == [
        *("crema_d-1002", "emodb-03", "emodb-08", "emodb-09", "emodb-10", "mead-M030")
    ]
    assert len(select_sound_sources(built)) == 23
    assert len(select_picture_sources(built)) == 7
