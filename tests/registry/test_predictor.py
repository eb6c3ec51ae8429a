"""What `avemo predict` passes on of a registered version's answer, on each of its surfaces."""

import json

import av
import mlflow
import numpy as np
import pandas as pd
import pytest
from helpers import registered_versions
from helpers.registered_versions import SCRIPT, project, version
from helpers.sounds import voice

from avemo.cli import main

NO_FACE = "no face in any of the 16 sampled frames"


@pytest.fixture
def film(tmp_path):
    """A second of a voice, before a wall without a face."""
    file = tmp_path / "a.mkv"
    with av.open(str(file), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        samples = (voice(16000) * 32767).astype(np.int16)[None]
        sound = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        sound.sample_rate = 16000
        container.mux([*audio.encode(sound), *audio.encode()])
        for _ in range(25):
            wall = np.full((48, 64, 3), 128, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(wall, format="rgb24")))
        container.mux(video.encode())
    return file


@pytest.fixture
def register(registry, tmp_path, monkeypatch):
    """A function that registers a champion that says the same of every file."""
    monkeypatch.setenv("AVEMO_ROOT", str(project(tmp_path / "project").root))

    def champion(modality: str, *, finding: str = "", reason: str = "") -> None:
        says = f'"finding": "{finding}", "reason": "{reason}"'
        monkeypatch.setattr(registered_versions, "NAME", f"avemo-{modality}")
        monkeypatch.setattr(
            registered_versions, "SCRIPT", SCRIPT.replace('"finding": "", "reason": ""', says)
        )
        version(tmp_path / modality, None, alias="champion")

    return champion


def predicted(file, capsys, *options):
    """The line of the table, and the object of `--json`."""
    capsys.readouterr()
    assert main(["predict", str(file), *options]) == 0
    line = capsys.readouterr().out.strip()
    assert main(["predict", "--json", str(file), *options]) == 0
    return line, json.loads(capsys.readouterr().out)


def test_a_fused_version_that_answers_from_sound_alone_says_why(register, film, capsys):
    register("fused", reason=NO_FACE)
    line, answer = predicted(film, capsys)
    assert line.endswith(f"by avemo-fused version 1; not fused: {NO_FACE}")
    assert (answer["reason"], answer["finding"], answer["emotion"]) == (NO_FACE, "", "calm")
    uri = "models:/avemo-fused@champion"
    row = mlflow.pyfunc.load_model(uri).predict(pd.DataFrame({"media": [b"a"]}))
    assert row["reason"].tolist() == [NO_FACE]
    assert predicted(film, capsys, "--model", uri) == (line, answer)


def test_each_reason_is_told_once(register, film, capsys):
    register("fused", finding="no-face", reason=NO_FACE)
    register("audio", reason=NO_FACE)
    line, answer = predicted(film, capsys)
    assert line.endswith(f"by avemo-audio version 1; not fused: {NO_FACE}")
    assert answer["reason"] == NO_FACE


def test_why_another_model_answers_and_what_that_says(register, film, capsys):
    register("fused", finding="too-dark", reason="the picture is too dark")
    register("audio", finding="no-sound", reason="the sound cannot be decoded")
    register("visual", reason="few frames")
    line, answer = predicted(film, capsys)
    assert answer["model"] == "avemo-visual version 1"
    reasons = "the picture is too dark; the sound cannot be decoded; few frames"
    assert answer["reason"] == reasons
    assert line.endswith(f"; not fused: {reasons}")


def test_an_answer_from_all_there_is_has_no_reason(register, film, capsys):
    register("fused")
    line, answer = predicted(film, capsys)
    assert line.endswith("by avemo-fused version 1")
    assert (answer["reason"], answer["finding"]) == ("", "")
