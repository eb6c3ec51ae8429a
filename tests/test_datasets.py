"""Features, labels and parts belong together, or are refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from avemo.corpus import split
from avemo.corpus.adapters.ravdess import EMOTIONS, parse
from avemo.datasets import Array, folder_of, load
from avemo.errors import CorpusError
from avemo.features import store
from avemo.features.audio import mfcc, whisper
from avemo.features.names import modality_of
from avemo.paths import Project

PARTS = {"01-05-01-01-01-03": "train", "01-04-01-01-01-05": "train", "01-06-02-01-01-01": "test"}


def sources() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "performance": list(PARTS),
            "recording": [f"03-{name}" for name in PARTS],
            "actor": [name[-2:] for name in PARTS],
            "sha256": list(PARTS),
            "file": [Path(name) for name in PARTS],
        }
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    write_split(project, PARTS)
    settings = mfcc.Settings(
        sample_rate=16000, window_ms=48.0, hop_ms=24.0, coefficients=2, low_hz=60.0, high_hz=7600.0
    )
    extractor = mfcc.Mfcc(settings)
    target = store.Target(project.features("audio", "mfcc"), extractor.spec(), extractor.dtypes)
    clip = {"mfcc": {"mfcc": np.zeros((3, 2), np.float32)}}
    store.update({"mfcc": target}, sources(), lambda file, names: clip, workers=1)
    return project


def write_split(project: Project, parts: dict[str, str]) -> None:
    recordings = [parse(f"03-{name}") for name in parts]
    rows = pd.DataFrame(
        {
            "performance": list(parts),
            "corpus": "ravdess",
            "actor": [name[-2:] for name in parts],
            "sex": [recording.sex for recording in recordings],
            "emotion": [recording.label for recording in recordings],
            "part": list(parts.values()),
            "fold": 1,
        }
    )
    split.write(rows.sort_values("performance"), project.split)


def test_each_row_has_its_features_and_the_emotion_that_the_split_says(project: Project) -> None:
    data = load(project, ["mfcc"], EMOTIONS)
    assert data.rows["performance"].tolist() == sorted(PARTS)
    assert data.rows["emotion"].tolist() == ["sad", "angry", "fearful"]
    assert [clip.shape for clip in data.features["mfcc"]] == [(3, 2)] * 3
    assert data.split_id == split.split_id(project.split)
    assert data.part("test").rows["performance"].tolist() == ["01-06-02-01-01-01"]


def test_labels_are_places_among_the_classes(project: Project) -> None:
    classes = ["fearful", "sad", "angry"]
    data = load(project, ["mfcc"], classes)
    assert data.classes == tuple(classes)
    assert data.labels.tolist() == data.where(data.rows["fold"].eq(1)).labels.tolist() == [1, 2, 0]


def test_features_of_another_split_are_refused(project: Project) -> None:
    write_split(project, dict(list(PARTS.items())[:2]))
    with pytest.raises(CorpusError, match=r"holds 01-06-02-01-01-01, which split \w{12} does not"):
        load(project, ["mfcc"], EMOTIONS)


def test_a_feature_is_loaded_from_its_extractor_s_folder(project: Project) -> None:
    settings = whisper.Settings(sample_rate=16000, voiced_db=35.0, step_ms=60.0)
    folder = folder_of(project, "whisper_stats")
    assert folder == folder_of(project, "whisper") == project.features("audio", "whisper")
    steps, stats = np.zeros((4, 1920), np.float16), np.ones((1, 3840), np.float32)
    clip: dict[str, dict[str, Array]] = {"whisper": {"whisper": steps, "whisper_stats": stats}}
    extractor = whisper.Whisper(settings)
    target = store.Target(folder, extractor.spec(), extractor.dtypes)
    store.update({"whisper": target}, sources(), lambda file, names: clip, workers=1)
    data = load(project, ["mfcc", "whisper_stats"], EMOTIONS)
    assert [clip.shape for clip in data.features["whisper_stats"]] == [(1, 3840)] * 3
    assert data.specs["whisper_stats"] == extractor.spec()
    assert modality_of("whisper_stats") == "audio"
