"""The stage of audio features, where an extractor's weights are and where they are not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers.sounds import encoded, voice

from avemo.config import load_settings
from avemo.features import store
from avemo.features.arrays import Arrays, Sound
from avemo.features.audio.whisper import Settings, Whisper
from avemo.paths import Project
from avemo.pretrained import assets
from avemo.runtime import pretrained_graphs
from pipelines import audio_features

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Two recordings; mfcc and the extractors with weights are asked for. No network."""
    monkeypatch.setenv(assets.CACHE, str(tmp_path / "cache"))
    monkeypatch.setenv(assets.ORIGIN, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("avemo.engine.count_cores", lambda: 1)
    project = Project(tmp_path)
    rows: list[dict[str, object]] = []
    for actor in (1, 2):
        name = f"03-01-05-01-01-01-{actor:02d}"
        project.raw.mkdir(parents=True, exist_ok=True)
        (project.raw / f"{name}.wav").write_bytes(encoded(voice(16000), 16000))
        row: dict[str, object] = {
            "recording": name,
            "performance": name[3:],
            "path": f"{name}.wav",
            "actor": f"{actor:02d}",
        }
        rows.append(row | {"sha256": name, "modality": 3, "has_sound": True, "finding": ""})
    pd.DataFrame(rows).to_parquet(project.catalogue)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    names = ("mfcc", "vggish", "whisper")
    params["extractors"] = {name: params["extractors"][name] for name in names}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return project


def run(project: Project) -> None:
    audio_features.main(project, load_settings(project.root))


def folders(project: Project) -> list[str]:
    return sorted(folder.name for folder in project.features("audio", "").iterdir())


def test_an_extractor_without_weights_is_left_out(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    old = project.features("audio", "whisper")
    old.mkdir(parents=True)
    run(project)
    lines = caplog.messages
    assert lines[0].startswith("vggish: left out: vggish_model.ckpt is missing")
    assert lines[1].startswith("whisper: left out: whisper-tiny.en.safetensors is missing")
    assert all("dvc repro --force --single-item audio-features" in line for line in lines[:2])
    assert lines[2:] == ["mfcc: 2 performances computed, 0 kept, 0 without"]
    assert folders(project) == ["mfcc"]


def test_nothing_is_left_of_an_extractor_alone(project: Project) -> None:
    file = project.root / "params.yaml"
    params = yaml.safe_load(file.read_text(encoding="utf-8"))
    del params["extractors"]["mfcc"]
    file.write_text(yaml.safe_dump(params), encoding="utf-8")
    run(project)
    assert folders(project) == []


def test_with_weights_it_is_computed(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    used: list[dict[str, Path]] = []

    def extract(self: Whisper[Settings], sound: Sound) -> Arrays:
        used.append(self.weights)
        stats = np.ones((10, 384), np.float32)
        return {"whisper": np.ones((3, 1920), np.float16), "whisper_stats": stats}

    monkeypatch.setattr(Whisper, "extract", extract)
    find = assets.find
    weights = project.root / "weights"
    weights.touch()
    monkeypatch.setattr(assets, "find", lambda n: weights if "whisper" in n else find(n))
    monkeypatch.setattr(pretrained_graphs, "get", lambda name, file: file)
    run(project)
    assert used == [{"whisper_tiny_en": weights}] * 2
    assert folders(project) == ["mfcc", "whisper"]
    assert "whisper: 2 performances computed" in caplog.text
    folder = project.features("audio", "whisper")
    array = store.load_arrays(folder, "whisper")["01-05-01-01-01-01"]
    assert (array.dtype, array.shape) == (np.dtype(np.float16), (3, 1920))
    assert set(store.read(folder, "whisper_stats")) & set(Whisper.dtypes) == {"whisper_stats"}
