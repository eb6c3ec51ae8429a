"""The stage that imports action units: for sound alone, again, and where nothing is there."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers.openface_files import random_units, write_frames, write_means

from avemo.config import load_settings
from avemo.errors import CorpusError
from avemo.features import store
from avemo.paths import Project
from pipelines import visual_features

ROOT = Path(__file__).parents[3]
NAMES = [f"01-0{emotion}-01-01-01-0{actor}" for actor in (1, 2) for emotion in (1, 3, 5)]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Sound of two actors, and a folder for OpenFace's files."""
    monkeypatch.setattr("avemo.engine.count_cores", lambda: 1)
    rows = [
        {
            "performance": name,
            "recording": f"03-{name}",
            "path": f"03-{name}.wav",
            "modality": 3,
            "actor": int(name[-1]),
            "sha256": name,
            "finding": "silent" if name == NAMES[-1] else "",
        }
        for name in NAMES
    ]
    project = Project(tmp_path)
    project.catalogue.parent.mkdir()
    pd.DataFrame(rows).to_parquet(project.catalogue)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["extractors"] = {"openface": {}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    (tmp_path / "openface").mkdir()
    return project


def run(project: Project) -> None:
    visual_features.main(project, load_settings(project.root))


def imported(project: Project) -> dict[str, np.ndarray]:
    return store.load_arrays(project.features("visual", "openface"), "openface")


def test_performances_without_a_film_get_features(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    units = {name: random_units(4, seed) for seed, name in enumerate(NAMES)}
    for name in (*NAMES[:4], NAMES[5]):
        write_frames(project.root / "openface" / f"02-{name}.csv", units[name])
    run(project)
    run(project)
    write_frames(project.root / "openface" / f"02-{NAMES[0]}.csv", units[NAMES[1]])
    run(project)
    said = [line for line in caplog.messages if "imported" in line]
    assert said == [
        "openface: 4 performances imported from OpenFace 2, 0 kept, 0 of them unusable; 1 without",
        "openface: 0 performances imported from OpenFace 2, 4 kept, 0 of them unusable; 1 without",
        "openface: 1 performances imported from OpenFace 2, 3 kept, 0 of them unusable; 1 without",
    ]
    # what the catalogue sets aside is no recording
    assert f"openface: 1 names are of no usable recording: 02-{NAMES[5]}" in caplog.messages
    arrays = imported(project)
    assert sorted(arrays) == sorted(NAMES[:4])
    np.testing.assert_array_equal(arrays[NAMES[0]], arrays[NAMES[1]])
    spec = store.read_spec(project.features("visual", "openface"))
    assert spec is not None
    assert spec.imported


def test_a_table_in_place_of_the_folder_gives_the_same_feature(project: Project) -> None:
    units = {name: random_units(4, seed) for seed, name in enumerate(NAMES[:3])}
    for name, frames in units.items():
        write_frames(project.root / "openface" / f"{name}.csv", frames)
    run(project)
    by_folder = imported(project)
    means = {name: frames.mean().round(5).to_frame().T for name, frames in units.items()}
    write_means(project.root / "means.csv", means)
    file = project.root / "params.yaml"
    file.write_text(file.read_text().replace("openface: openface", "openface: means.csv"))
    run(project)
    by_table = imported(project)
    assert list(by_table) == list(by_folder) == NAMES[:3]
    np.testing.assert_allclose(list(by_table.values()), list(by_folder.values()), atol=1e-5)


def test_nothing_there_leaves_no_features(project: Project) -> None:
    write_frames(project.root / "openface" / f"{NAMES[0]}.csv", random_units(2))
    run(project)
    assert imported(project)
    (project.root / "openface" / f"{NAMES[0]}.csv").unlink()
    run(project)
    assert not project.features("visual", "openface").exists()


def test_too_many_failed_clips_stop_the_stage(project: Project) -> None:
    for name in NAMES[:4]:
        success = int(name != NAMES[1])
        file = project.root / "openface" / f"{name}.csv"
        write_frames(file, random_units(3), success=success)
    with pytest.raises(CorpusError, match="1 of 4 recordings have no openface") as error:
        run(project)
    assert "OpenFace tracked no face" in str(error.value)
    assert "\n" not in str(error.value)
