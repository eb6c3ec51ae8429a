"""A version that takes what another program computed is registered, and never the champion."""

from pathlib import Path

import numpy as np
import pytest
from helpers.bundles import bundle_config
from helpers.lineage import new_lineage
from helpers.registered_versions import (
    NAME,
    ROOT,
    new_network,
    new_predictions,
    new_project,
    read_aliases,
    register_version,
)

from avemo.cli import main
from avemo.config import load_settings
from avemo.errors import AvemoError, MediaError
from avemo.features.audio.logmel import LogMel
from avemo.features.audio.logmel import Settings as LogMelSettings
from avemo.features.visual.openface import OpenFace, Settings
from avemo.inference.recogniser import Recogniser, pack
from avemo.models.bundle import CONFIG_FILE, GRAPH_FILE, Bundle
from avemo.paths import Project
from avemo.registry import card, packaging, smoke_test
from avemo.registry.predictor import load_model

OPENFACE = OpenFace(Settings()).spec()
LOGMEL = LogMel(
    LogMelSettings(
        sample_rate=16000, window_ms=25.0, hop_ms=10.0, bands=8, low_hz=60.0, high_hz=7600.0
    )
).spec()
FEATURES = [{"openface": OPENFACE}, {"logmel": LOGMEL, "openface": OPENFACE}]


@pytest.fixture
def project(tmp_path: Path, registry: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    created = new_project(tmp_path / "project")
    monkeypatch.setenv("AVEMO_ROOT", str(created.root))
    return created


@pytest.mark.slow
@pytest.mark.parametrize("features", FEATURES)
def test_the_gate_refuses_it_even_by_force(
    project: Project,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    features: dict[str, object],
) -> None:
    register_version(tmp_path / "a", new_predictions(0.55))
    assert main(["registry", "promote", "audio"]) == 0
    better = new_predictions(0.9, seed=2)
    register_version(tmp_path / "b", better, features=features)
    capsys.readouterr()
    assert main(["registry", "promote", "audio"]) == 1
    out = capsys.readouterr().out
    assert "imported: openface (OpenFace 2)" in " ".join(out.split())
    assert "avemo-audio version 2: refused: features\n" in out
    assert "time of an answer" not in out
    assert main(["registry", "promote", "audio", "--force", "--reason", "a trial"]) != 0
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "version 2 takes imported features" in line
    assert read_aliases() == {"candidate": "2", "champion": "1"}


@pytest.mark.parametrize("features", FEATURES)
def test_it_answers_every_clip_with_one_line(tmp_path: Path, features: dict[str, object]) -> None:
    (tmp_path / "trained").mkdir()
    bundle_config(modality="fused", features=features).write(tmp_path / "trained" / CONFIG_FILE)
    (tmp_path / "trained" / GRAPH_FILE).write_bytes(new_network("calm"))
    bundle = Bundle(tmp_path / "trained")
    pack(bundle, {}, tmp_path / "packed")
    recogniser = Recogniser(tmp_path / "packed")
    prediction = recogniser.predict(tmp_path / "clip.mp4")
    assert prediction.finding == "imported"
    assert prediction.classes == tuple(bundle.config.classes)
    assert prediction.reason == (
        "features: imported: the model takes openface (OpenFace 2), which avemo cannot compute "
        "from a clip: take another version, such as the champion"
    )
    with pytest.raises(MediaError, match="features: imported"):
        next(recogniser.timeline(tmp_path / "clip.mp4"))
    code = packaging.copy_code(bundle, tmp_path)
    assert not list(code.glob("features/visual/*.py"))
    assert (code / "features/audio/logmel.py").exists() == ("logmel" in features)


@pytest.mark.slow
def test_whoever_asks_for_it_by_number_is_told(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A version whose own code answers, as `avemo predict --model` loads it."""

    def import_features(package: Path, files: Path) -> None:
        config = Bundle(files).config
        features = config.features | {"openface": OPENFACE}
        config.model_copy(update={"features": features}).write(files / CONFIG_FILE)

    number = register_version(
        tmp_path / "a", None, network=new_network("calm"), alter=import_features
    )
    clip = tmp_path / "clip.wav"
    clip.write_bytes(b"whatever it holds")
    uri = f"models:/{NAME}/{number}"
    assert load_model(uri).predict(clip).finding == "imported"
    assert main(["predict", "--model", uri, str(clip)]) == 1
    captured = capsys.readouterr()
    assert "features: imported" in captured.out + captured.err
    assert "Traceback" not in captured.out + captured.err


def test_the_smoke_test_expects_the_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    table = new_predictions(0.8)
    row = {"emotion": "", "finding": "imported", "reason": "features: imported"}
    probabilities = table.filter(like="p_").to_numpy()
    output: dict[str, object] = {"example": [row], "sampled": [], "outside": []}
    output["recorded"] = probabilities.tolist()
    monkeypatch.setattr(smoke_test, "_answer_in_clean_process", lambda *arguments: output)
    assert smoke_test.check_reproduces("m", table, expected_finding="imported") == 0
    with pytest.raises(AvemoError, match="features: imported"):
        smoke_test.check_reproduces("m", table)
    output["recorded"] = np.roll(probabilities, 1, axis=1).tolist()
    with pytest.raises(AvemoError, match="does not repeat its recorded predictions"):
        smoke_test.check_reproduces("m", table, expected_finding="imported")


def test_its_card_says_so_first() -> None:
    config = bundle_config(modality="visual", features={"openface": OPENFACE})
    subject = card.Subject("avemo-visual", config, new_lineage(), new_predictions(0.6), "")
    text = card.render_markdown(subject, load_settings(ROOT))
    assert text.splitlines()[2].startswith("> **features: imported. It takes openface (OpenFace 2)")
    assert "OpenFace 2, by which features were computed: for non-commercial research only" in text
    assert "load_model" not in text


def test_a_bundle_says_which_features_are_imported() -> None:
    assert bundle_config(features={"logmel": LOGMEL}).imported_features == ""
    assert bundle_config(features=FEATURES[1]).imported_features == "openface (OpenFace 2)"
