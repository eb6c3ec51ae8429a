"""A version is there with all that belongs to it, or is not; and it answers as it was recorded."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import mlflow
import numpy as np
import pandas as pd
import pytest
from helpers.bundles import bundle_config
from helpers.probabilities import PROBABILITIES
from helpers.registered_versions import (
    NAME,
    ROOT,
    SCRIPT,
    new_predictions,
    new_project,
    read_aliases,
    start_run,
)
from mlflow.entities.model_registry import ModelVersion

from avemo.config import load_settings
from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.datasets import Dataset
from avemo.errors import AvemoError
from avemo.modalities import Modality
from avemo.models.bundle import CONFIG_FILE, Bundle
from avemo.paths import Project
from avemo.records import EvaluationResult, Interval, ModalityResult, PriorResult
from avemo.registry import history, packaging, register, smoke_test
from avemo.tracking import integrity, runs

ANSWERS = {f"p_{name}": 0.8 if name == "calm" else 0.2 / 7 for name in EMOTIONS}
#: it answers the same to everything
ANSWERING = f"""
import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

ANSWERS = {{"emotion": "calm", **{ANSWERS}, "finding": "", "reason": ""}}


class Recogniser:
    def __init__(self):
        self.bundle = self

    def probabilities(self, features):
        row = [value for name, value in ANSWERS.items() if name.startswith("p_")]
        return np.array([row] * len(features["mfcc"]))

    def predict(self, media, *, picture=None):
        assert media.is_file()
        return self

    def to_row(self):
        return ANSWERS


class Model(PythonModel):
    def load_context(self, context):
        self.recogniser = Recogniser()

    def predict(self, context, model_input, params=None):
        return pd.DataFrame([ANSWERS] * len(model_input))


set_model(Model())
"""
UAR = Interval(0.5, actors=1, performances=8)


def trained(folder: Path) -> tuple[Project, EvaluationResult]:
    """Return a project with a trained model, and the result of its evaluation."""
    trained_project = new_project(folder)
    trained_project.split.write_text("performance,part,fold\n")
    bundle = trained_project.trained("audio")
    bundle.mkdir(parents=True)
    bundle_config(synthetic=True).write(bundle / CONFIG_FILE)
    trained_project.evaluation.mkdir(parents=True)
    new_predictions(0.8).to_csv(
        trained_project.evaluation / "audio.csv", index=False, float_format="%.9g"
    )
    with runs.run(
        trained_project, load_settings(trained_project.root), "train@audio", "audio", "train"
    ) as run:
        pass
    audio = ModalityResult(run_id=run.info.run_id, architecture="cnn", test={"uar": UAR})
    visual = ModalityResult(skipped="no pictures")
    results: dict[Modality, ModalityResult] = {"audio": audio, "visual": visual}
    return trained_project, EvaluationResult(synthetic=True, protocol="actor", modalities=results)


#: in place of a version's own
RECOGNISER = """
class Recogniser:
    def __init__(self, folder):
        pass

    def predict(self, media):
        return self

    def to_row(self):
        return {"emotion": "calm", "p_calm": 0.8, "p_sad": 0.2, "finding": "", "reason": ""}
"""


@contextmanager
def package_model(bundle: Bundle) -> Iterator[packaging.PackagedModel]:
    """In place of a network, something that is logged in a second."""
    import tempfile

    with tempfile.TemporaryDirectory() as temporary:
        folder, code, script = (Path(temporary, name) for name in ("model", "code_0", "load.py"))
        folder.mkdir()
        code.mkdir()
        bundle_config(synthetic=True).write(folder / CONFIG_FILE)
        (code / "inference").mkdir()
        (code / "inference" / "recogniser.py").write_text(RECOGNISER)
        (code / "__init__.py").touch()
        script.write_text(SCRIPT)
        sys.path.insert(0, temporary)
        try:
            yield packaging.PackagedModel(folder, code, script)
        finally:
            sys.path.remove(temporary)
            for name in [name for name in sys.modules if name.partition(".")[0] == code.name]:
                del sys.modules[name]


def light(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(packaging, "package_model", package_model)
    patch.setattr(packaging, "pip_requirements", lambda bundle: ["mlflow"])
    patch.setattr(packaging, "input_example", lambda seed: pd.DataFrame({"media": [b"a clip"]}))
    patch.setattr(register, "_smoke_test", lambda *arguments: "not at all")


def killed_at(point: str, folder: Path, evaluation: EvaluationResult) -> None:
    """Register in a process that is killed when it comes to a point."""
    code = f"""
import os, signal, sys
sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(ROOT / "tests")!r}]
import pytest, mlflow
from test_register import integrity, light, register
from avemo.paths import Project
from avemo.records import EvaluationResult
from avemo.config import load_settings
light(pytest.MonkeyPatch())
calls = []
def kill(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)
def second(self, *arguments):
    calls.append(arguments)
    return kill() if len(calls) == 2 else set_alias(self, *arguments)
set_alias = mlflow.MlflowClient.set_registered_model_alias
point = {point!r}
if point == "sealing":
    integrity.seal_model = kill
elif point == "second alias":
    mlflow.MlflowClient.set_registered_model_alias = second
else:
    setattr(mlflow.MlflowClient, point, kill)
here = Project(__import__("pathlib").Path({str(folder)!r}))
evaluation = EvaluationResult.model_validate_json({evaluation.model_dump_json()!r})
register.register(here, load_settings(here.root), evaluation)
"""
    environment = os.environ | {"PYTHONPATH": f"{ROOT}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]


def versions() -> dict[str, ModelVersion]:
    client = mlflow.MlflowClient()
    return {
        str(version.version): version
        for version in client.search_model_versions(f"name = '{NAME}'")
    }


def moves() -> list[history.Move]:
    return history.parse_moves(mlflow.MlflowClient().get_registered_model(NAME).tags)


def require_complete(number: str) -> None:
    version = mlflow.MlflowClient().get_model_version(NAME, number)
    assert {"avemo.architecture", "avemo.corpus", "avemo.split", integrity.CHECKSUMS_TAG} <= set(
        version.tags
    )
    assert (version.description or "").startswith("# avemo-audio")
    assert integrity.verify_version(version) == []


@pytest.fixture
def trained_project(
    tmp_path: Path, registry: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Project, EvaluationResult]:
    light(monkeypatch)
    return trained(tmp_path / "project")


def test_what_a_version_carries(
    trained_project: tuple[Project, EvaluationResult], tmp_path: Path
) -> None:
    project, evaluation = trained_project
    registration = register.register(project, load_settings(project.root), evaluation)
    assert registration.skipped == {"visual": "no pictures"}
    assert registration.versions["audio"].aliases == ["candidate", "champion"]
    assert read_aliases() == {"candidate": "1", "champion": "1"}
    require_complete("1")
    folder = Path(
        mlflow.artifacts.download_artifacts(f"models:/{NAME}/1", dst_path=str(tmp_path / "v"))
    )
    recorded = pd.read_csv(folder / "predictions.csv")
    pd.testing.assert_frame_equal(recorded, pd.read_csv(project.evaluation / "audio.csv"))
    written = json.loads((folder / "lineage.json").read_text())
    assert written["run_id"] == evaluation.modalities["audio"].run_id
    assert "SYNTHETIC" in (folder / "model_card.md").read_text().upper()
    assert (folder / "model_card.html").read_text().startswith("<!doctype html>")
    loaded = mlflow.pyfunc.load_model(str(folder))
    assert loaded.input_example is not None
    assert loaded.metadata.signature is not None
    assert (folder / "requirements.txt").read_text().split() == ["mlflow"]
    again = register.register(project, load_settings(project.root), evaluation).versions["audio"]
    assert (again.version, again.aliases) == ("2", ["candidate"])
    assert read_aliases() == {"candidate": "2", "champion": "1"}
    (move,) = moves()
    assert (move.kind, move.source, move.target, move.state) == ("register", "", "1", "done")


@pytest.mark.slow
def test_the_first_one_of_recordings_takes_the_place_of_the_sample_s(
    trained_project: tuple[Project, EvaluationResult],
) -> None:
    project, evaluation = trained_project
    settings = load_settings(project.root)
    corpus = settings.corpus.model_copy(update={"source": "zenodo"})
    real = settings.model_copy(update={"corpus": corpus})
    register.register(project, settings, evaluation)
    assert read_aliases()["champion"] == "1"
    register.register(project, real, evaluation)
    assert read_aliases() == {"candidate": "2", "champion": "2"}
    assert (moves()[-1].kind, moves()[-1].source, moves()[-1].state) == ("register", "1", "done")
    for later in (real, settings):
        register.register(project, later, evaluation)
        assert read_aliases()["champion"] == "2"


def visual_result(project: Project, evaluation: EvaluationResult, actors: int) -> EvaluationResult:
    """Return the evaluation of a model of faces, on as many test actors, beside its prior."""
    for folder, untrained in ((project.trained("visual"), False), (project.prior("visual"), True)):
        folder.mkdir(parents=True)
        name = "expression_prior, untrained" if untrained else "expression"
        config = bundle_config(modality="visual", architecture=name, untrained=untrained)
        config.write(folder / CONFIG_FILE)
    for name, skill in (("visual", 0.9), ("visual_prior", 0.5)):
        rows = new_predictions(skill, actors=actors)
        rows.to_csv(project.evaluation / f"{name}.csv", index=False, float_format="%.9g")
    figure = Interval(0.4, 0.3, 0.5, actors=actors, performances=8)
    result = evaluation.modalities["audio"].model_copy(
        update={"prior": PriorResult(test={"uar": UAR}, difference=figure)}
    )
    return EvaluationResult(synthetic=False, protocol="actor", modalities={"visual": result})


@pytest.mark.parametrize(("actors", "reason"), [(2, "the test part has 2 actors"), (3, "")])
@pytest.mark.slow
def test_where_it_cannot_be_told_that_training_helps_the_prior_is_registered(
    trained_project: tuple[Project, EvaluationResult], tmp_path: Path, actors: int, reason: str
) -> None:
    project, evaluation = trained_project
    settings = load_settings(project.root)
    evaluation = visual_result(project, evaluation, actors)
    recordings = settings.corpus.model_copy(update={"source": "path"})
    recordings_settings = settings.model_copy(update={"corpus": recordings})
    registration = register.register(project, recordings_settings, evaluation)
    version = registration.versions["visual"]
    assert version.aliases == ["candidate", "champion"]
    assert version.prior_reason.startswith(reason)
    assert bool(version.prior_reason) == bool(reason)
    tags = mlflow.MlflowClient().get_model_version("avemo-visual", "1").tags
    assert tags.get("avemo.prior", "") == version.prior_reason
    assert ("untrained" in tags["avemo.architecture"]) == bool(reason)
    uri = "models:/avemo-visual/1"
    folder = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(tmp_path / "v")))
    prior = pd.read_csv(project.evaluation / "visual_prior.csv")
    pd.testing.assert_frame_equal(pd.read_csv(folder / "prior_predictions.csv"), prior)
    source = prior if reason else pd.read_csv(project.evaluation / "visual.csv")
    pd.testing.assert_frame_equal(pd.read_csv(folder / "predictions.csv"), source)
    card = (folder / "model_card.md").read_text()
    assert ("This is the untrained prior" in card) == bool(reason)
    assert version.prior_reason in card


@pytest.mark.slow
def test_on_the_sample_the_trained_model_is_registered_whatever_the_prior_does(
    trained_project: tuple[Project, EvaluationResult],
) -> None:
    project, evaluation = trained_project
    evaluation = visual_result(project, evaluation, 1)
    registration = register.register(project, load_settings(project.root), evaluation)
    assert registration.versions["visual"].prior_reason == ""


@pytest.mark.slow
def test_registered_again_after_its_files_were_lost_it_is_the_champion(
    trained_project: tuple[Project, EvaluationResult],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is the same model: nobody need compare it with the one that cannot answer."""
    project, evaluation = trained_project
    settings = load_settings(project.root)
    register.register(project, settings, evaluation)
    assert "avemo-audio version 1 carries no commit" in caplog.text
    tags = mlflow.MlflowClient().get_model_version(NAME, "1").tags
    assert (tags["avemo.commit"], tags["avemo.dirty"]) == ("none", "unknown")
    shutil.rmtree(tmp_path / "artifacts" / "audio" / "models")
    again = register.register(project, settings, evaluation).versions["audio"]
    assert (again.version, again.aliases) == ("2", ["candidate", "champion"])
    require_complete("2")
    assert [(move.source, move.target, move.state) for move in moves()] == [
        ("", "1", "done"),
        ("1", "2", "done"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EMFILE, "Too many open files"),
        # as MLflow wraps it
        mlflow.MlflowException(
            "failures occurred while downloading: [Errno 24] Too many open files"
        ),
    ],
)
def test_a_champion_that_cannot_be_read_is_not_taken_for_damaged(
    trained_project: tuple[Project, EvaluationResult],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    project, evaluation = trained_project
    settings = load_settings(project.root)
    register.register(project, settings, evaluation)

    def fail(_: object) -> NoReturn:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(integrity, "verify_version", fail)
        with pytest.raises(type(error), match="Too many open files"):
            register.register(project, settings, evaluation)
    assert read_aliases()["champion"] == "1"
    again = register.register(project, settings, evaluation).versions["audio"]
    assert again.aliases == ["candidate"]
    assert read_aliases() == {"candidate": again.version, "champion": "1"}


@pytest.mark.parametrize(
    "point",
    [
        "log_model_artifacts",
        "sealing",
        "create_model_version",
        "set_registered_model_alias",
        "second alias",
        "set_logged_model_tags",
    ],
)
@pytest.mark.slow
def test_killed_at_any_point_it_leaves_nothing_half_under_an_alias(
    trained_project: tuple[Project, EvaluationResult], point: str
) -> None:
    project, evaluation = trained_project
    killed_at(point, project.root, evaluation)
    known = mlflow.MlflowClient().search_registered_models(f"name = '{NAME}'")
    for number in set(read_aliases().values()) if known else ():
        require_complete(number)
    register.register(project, load_settings(project.root), evaluation)
    (number,) = versions()
    assert read_aliases() == {"candidate": number, "champion": number}
    require_complete(number)
    *before, last = moves()
    assert (last.target, last.state) == (number, "done")
    assert all(move.state == "interrupted" for move in before)
    experiment = mlflow.get_experiment_by_name("avemo/audio")
    assert experiment is not None
    (model,) = mlflow.MlflowClient().search_logged_models([experiment.experiment_id])
    assert model.tags["avemo.complete"] == "true"


def test_one_that_does_not_answer_becomes_no_version(
    trained_project: tuple[Project, EvaluationResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, evaluation = trained_project

    def refuse(*arguments: object) -> NoReturn:
        raise AvemoError("it answers otherwise")

    monkeypatch.setattr(register, "_smoke_test", refuse)
    with pytest.raises(AvemoError, match="it answers otherwise"):
        register.register(project, load_settings(project.root), evaluation)
    assert versions() == {}


def logged(folder: Path, script: str) -> str:
    (folder / "load.py").write_text(script)
    (folder / "model").mkdir()
    (folder / "model/a").touch()
    with start_run():
        model = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(folder / "load.py"),
            artifacts={"model": str(folder / "model")},
            input_example=pd.DataFrame({"media": [b"a clip"]}),
            pip_requirements=[],
        )
    return str(model.model_id)


def recorded(**changed: object) -> pd.DataFrame:
    row = {"performance": "01-02-01-01-01-01", "true": "calm"} | ANSWERS | changed
    return pd.DataFrame([row] * 2)


@pytest.mark.slow
def test_a_model_repeats_in_a_clean_process_what_is_recorded(registry: str, tmp_path: Path) -> None:
    model_id = logged(tmp_path, ANSWERING)
    assert smoke_test.check_reproduces(model_id, None) == 0
    (tmp_path / "a.wav").touch()
    sources = [smoke_test.Source(tmp_path / "a.wav")] * 2
    rows = recorded()
    data = Dataset(rows, {"mfcc": [np.zeros((1, 2))] * 2}, {}, "", EMOTIONS)

    def check(**changed: object) -> float:
        return smoke_test.check_reproduces(model_id, recorded(**changed), data, sources)

    assert check() == pytest.approx(0)
    assert check(p_calm=0.80005) == pytest.approx(5e-5)
    with pytest.raises(AvemoError, match=r"for 01-02-01-01-01-01 a probability differs by 0\.001"):
        check(p_calm=0.801)
    with pytest.raises(AvemoError, match="the likeliest emotion is another"):
        check(p_calm=0.0)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (ANSWERING.replace('"finding": ""', '"finding": "silent"'), "does not answer for its"),
        (f"{ANSWERING}\nimport os\nassert 'OUTSIDE' in os.environ, 'a reason'\n", "a reason"),
        (f"{ANSWERING}\nimport avemo.errors\n", "code from outside its version: avemo"),
    ],
    ids=["finding", "load", "outside"],
)
@pytest.mark.slow
def test_a_model_that_does_not(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    monkeypatch.setenv("OUTSIDE", "1")
    model_id = logged(tmp_path, script)
    monkeypatch.delenv("OUTSIDE")
    with pytest.raises(AvemoError, match=reason):
        smoke_test.check_reproduces(model_id, None)


def test_few_clips_stand_for_all() -> None:
    rows = pd.DataFrame({"performance": list("abcdefg"), **dict.fromkeys(PROBABILITIES, 0.125)})
    assert list(smoke_test.sample_rows(rows)["performance"]) == ["a", "d", "g"]
    assert list(smoke_test.sample_rows(rows.head(1))["performance"]) == ["a"]
