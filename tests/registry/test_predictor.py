"""What a user gets of a registered version's prediction, on the command line and in a notebook."""

import json
from pathlib import Path
from typing import Any, Protocol

import mlflow
import pandas as pd
import pytest
from helpers import registered_versions
from helpers.bundles import new_abstention, new_sets
from helpers.films import write_film
from helpers.registered_versions import SCRIPT, new_network, new_project, register_version
from helpers.sounds import encoded, voice

import avemo
from avemo.cli import main
from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.errors import AvemoError

NO_FACE = "no face in any of the 16 sampled frames"


class Register(Protocol):
    def __call__(self, modality: str, *, finding: str = "", reason: str = "") -> None: ...


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_film(tmp_path / "a.mkv")


@pytest.fixture
def register(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Register:
    """A function that registers a champion which predicts the same for every file."""
    monkeypatch.setenv("AVEMO_ROOT", str(new_project(tmp_path / "project").root))

    def champion(modality: str, *, finding: str = "", reason: str = "") -> None:
        text = f'"finding": "{finding}", "reason": "{reason}"'
        monkeypatch.setattr(registered_versions, "NAME", f"avemo-{modality}")
        monkeypatch.setattr(
            registered_versions, "SCRIPT", SCRIPT.replace('"finding": "", "reason": ""', text)
        )
        register_version(tmp_path / modality, None, alias="champion")

    return champion


def run_predict(
    file: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[str, dict[str, Any]]:
    """The line of the table, and the object of `--json`."""
    capsys.readouterr()
    assert main(["predict", str(file), *options]) == 0
    line = capsys.readouterr().out.strip()
    assert main(["predict", "--json", str(file), *options]) == 0
    return line, json.loads(capsys.readouterr().out)


def test_a_fused_version_that_predicts_from_sound_alone_gives_the_reason(
    register: Register, film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register("fused", reason=NO_FACE)
    line, fields = run_predict(film, capsys)
    assert line.endswith(f"by avemo-fused version 1; not fused: {NO_FACE}")
    assert (fields["reason"], fields["finding"], fields["emotion"]) == (NO_FACE, "", "calm")
    uri = "models:/avemo-fused@champion"
    row = mlflow.pyfunc.load_model(uri).predict(pd.DataFrame({"media": [b"a"]}))
    assert row["reason"].tolist() == [NO_FACE]
    assert run_predict(film, capsys, "--model", uri) == (line, fields)


@pytest.mark.slow
def test_a_fused_version_is_asked_once(
    register: Register, film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has tried sound and picture itself: nothing is left for the others."""
    register("fused", finding="no-face", reason=NO_FACE)
    register("audio")
    register("visual")
    prediction = avemo.predict(film)
    assert (prediction.finding, prediction.reason) == ("no-face", NO_FACE)
    assert prediction.model == "avemo-fused version 1"
    assert main(["predict", str(film)]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"{film}: no-face: {NO_FACE}"


@pytest.mark.slow
def test_a_clip_with_one_stream_goes_to_the_model_of_that_modality(
    register: Register, film: Path, tmp_path: Path
) -> None:
    silent_film = write_film(tmp_path / "silent.mkv", sound=False)
    sound = encoded(voice(16000), 16000)
    register("fused")
    assert [avemo.predict(clip).model for clip in (film, silent_film, sound)] == [
        "avemo-fused version 1"
    ] * 3
    register("audio")
    register("visual")
    assert [avemo.predict(clip).model for clip in (film, silent_film, sound)] == [
        "avemo-fused version 1",
        "avemo-visual version 1",
        "avemo-audio version 1",
    ]


def test_a_stream_that_no_model_takes(register: Register, tmp_path: Path) -> None:
    register("audio")
    prediction = avemo.predict(write_film(tmp_path / "silent.mkv", sound=False))
    assert prediction.finding == "no-model"
    assert prediction.reason == "a picture alone, and no model for that is registered"


@pytest.mark.slow
def test_a_reason_is_repeated_once(
    register: Register, film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register("audio", finding="no-sound", reason="the sound cannot be decoded")
    register("visual", reason="the sound cannot be decoded")
    line, fields = run_predict(film, capsys)
    assert line.endswith("by avemo-visual version 1; not fused: the sound cannot be decoded")
    assert fields["reason"] == "the sound cannot be decoded"


@pytest.mark.slow
def test_without_a_fused_version_the_reasons_of_all_that_were_tried(
    register: Register, film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register("audio", finding="no-sound", reason="the sound cannot be decoded")
    register("visual", reason="few frames")
    line, fields = run_predict(film, capsys)
    assert fields["model"] == "avemo-visual version 1"
    reasons = "the sound cannot be decoded; few frames"
    assert fields["reason"] == reasons
    assert line.endswith(f"; not fused: {reasons}")


@pytest.mark.slow
def test_a_version_s_thresholds(
    registry: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its network finds calm likeliest, at 0.51, and each other emotion at 0.07."""
    monkeypatch.setenv("AVEMO_ROOT", str(new_project(tmp_path / "project").root))
    clip = tmp_path / "clip.wav"
    clip.write_bytes(encoded(voice(16000), 16000))

    def register(name: str, **thresholds: Any) -> None:
        network = new_network("calm")
        register_version(tmp_path / name, None, alias="champion", network=network, **thresholds)

    register("sure", abstention=new_abstention(0.5), conformal_sets=new_sets(0.2))
    line, fields = run_predict(clip, capsys)
    assert line.startswith(f"{clip}: calm 0.51 (")
    assert "set:" not in line
    assert (fields["unsure"], fields["emotions"]) == (False, ["calm"])

    register("not sure", abstention=new_abstention(0.6), conformal_sets=new_sets(0.05))
    assert main(["predict", "--sets", str(clip)]) == 0
    line = capsys.readouterr().out.strip()
    assert line.startswith(f"{clip}: not sure: calm 0.51 (")
    assert "; set: calm, " in line
    _, fields = run_predict(clip, capsys)
    assert fields["unsure"] is True
    assert set(fields["emotions"]) == set(EMOTIONS)
    prediction = avemo.predict(clip)
    assert (prediction.unsure, list(prediction.emotions)) == (True, fields["emotions"])

    register("older")
    assert main(["predict", "--sets", str(clip)]) == 0
    assert "; no set: the version was registered without" in capsys.readouterr().out
    assert not avemo.predict(clip).unsure


def test_a_prediction_from_sound_and_picture_has_no_reason(
    register: Register, film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register("fused")
    line, fields = run_predict(film, capsys)
    assert line.endswith("by avemo-fused version 1")
    assert (fields["reason"], fields["finding"]) == ("", "")


@pytest.mark.slow
def test_the_steps_of_a_notebook(register: Register, film: Path) -> None:
    register("fused", reason=NO_FACE)
    register("audio")
    sound = encoded(voice(16000), 16000)

    model = avemo.load_model("models:/avemo-audio@champion")
    settings = avemo.load_settings(registered_versions.ROOT)
    prediction = avemo.predict(film)
    several = avemo.predict([str(film), sound, avemo.Clip(film)])
    by_audio = avemo.predict(film, model=model)

    assert isinstance(prediction, avemo.Prediction)
    assert prediction == avemo.Prediction(
        {"calm": 0.8, "sad": 0.2}, reason=NO_FACE, model="avemo-fused version 1"
    )
    assert several == [prediction, by_audio, prediction]
    assert by_audio == model.predict(sound)
    assert (by_audio.emotion, by_audio.probability) == ("calm", 0.8)
    assert (by_audio.model, by_audio.synthetic) == ("avemo-audio version 1", False)
    assert settings.seed > 0


def test_a_file_that_is_missing_is_a_finding_and_a_model_that_is_missing_an_error(
    register: Register, film: Path
) -> None:
    register("audio")
    missing = avemo.predict("none.wav")
    assert (missing.finding, missing.emotion, missing.model) == ("unreadable", "", "")
    with pytest.raises(AvemoError, match="models:/avemo-fused@champion cannot be loaded from"):
        avemo.load_model()
    with pytest.raises(AvemoError, match="cannot be loaded"):
        avemo.predict(film, model="models:/avemo-audio/7")
