"""The profile of a version's validation data."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.bundles import bundle_config, new_abstention
from helpers.registered_versions import new_predictions

from avemo.evaluation.predictions import write_predictions
from avemo.faces.cut_face import face_side_px
from avemo.models.bundle import CONFIG_FILE
from avemo.paths import Project
from avemo.records import ValidationProfile
from avemo.registry.profile import PROFILE, measure_profile, write_profile


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with a model that was validated on 256 performances, of which 64 are unsure."""
    project = Project(tmp_path)
    folder = project.trained("audio")
    folder.mkdir(parents=True)
    bundle_config(abstention=new_abstention(0.5)).write(folder / CONFIG_FILE)
    certain = new_predictions(0.7, actors=6)
    unsure = new_predictions(0.3, actors=8).query("actor > '06'")
    predictions = pd.concat([certain, unsure], ignore_index=True)
    write_predictions(folder / "predictions.csv", predictions.assign(part="valid"))
    names = [*predictions["performance"], "of another part"]
    catalogue = pd.DataFrame({"performance": names, "recording": names, "path": names})
    catalogue["peak_dbfs"] = [*np.linspace(-40, -20, len(catalogue) - 1).tolist(), 0.0]
    catalogue.loc[0, "peak_dbfs"] = -np.inf
    project.catalogue.parent.mkdir()
    catalogue.assign(finding="", has_sound=True, modality=3).to_parquet(project.catalogue)
    return project


def test_counts_and_quantiles(project: Project, tmp_path: Path) -> None:
    write_profile(project, "audio", tmp_path)
    profile = ValidationProfile.read(tmp_path / PROFILE)
    assert profile == measure_profile(project, "audio")
    assert (profile.modality, profile.performances) == ("audio", 256)
    assert sum(profile.emotions.values()) == 256
    assert profile.unsure == 64
    assert len(profile.loudness_dbfs) == 21
    assert profile.loudness_dbfs == sorted(profile.loudness_dbfs)
    assert profile.loudness_dbfs[0] == pytest.approx(-40, abs=0.1), "silence has no loudness"
    assert profile.loudness_dbfs[-1] == -20, "of the validation data alone"
    assert profile.face_px == []


def test_a_model_without_validation_has_none(project: Project, tmp_path: Path) -> None:
    (project.trained("audio") / "predictions.csv").unlink()
    write_profile(project, "audio", tmp_path)
    assert not (tmp_path / PROFILE).exists()


def test_the_size_of_a_face() -> None:
    boxes = np.array([[0, 0, 10, 40], [5, 5, 35, 35], [0, 0, 100, 100]], np.float32)
    assert face_side_px(boxes) == 30
