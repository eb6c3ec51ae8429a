"""`avemo predict` in processes of its own: what it imports, and the versions that it keeps."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import mlflow
import pytest
from helpers.registered_versions import NAME, new_network, new_project, register_version
from helpers.servers import small_mlflow_server
from helpers.sounds import encoded, voice

import avemo
from avemo.cli import main
from avemo.cli import predict as command
from avemo.errors import AvemoError
from avemo.registry import version_cache
from avemo.runtime.graph import GRAPH_FILE
from avemo.terminal import SlowNotice
from avemo.tracking import lookup, store

_SCRIPT = """
import json, sys
from avemo.cli import main
code = main(["predict", "--json", *sys.argv[1:]])
print(json.dumps(sorted(sys.modules)))
sys.exit(code)
"""


class Predicted(NamedTuple):
    """What a process of `avemo predict` gives: an emotion, a version, imported packages."""

    emotion: str
    model: str
    packages: set[str]


class Setup(NamedTuple):
    """A registry whose champion is calm, and a clip."""

    folder: Path
    clip: Path

    @property
    def cached(self) -> list[Path]:
        """The versions in the cache."""
        return sorted(file for file in (self.folder / "cache/versions").glob("*") if file.is_dir())

    def register(self, emotion: str, name: str) -> None:
        """Register another version that finds an emotion likeliest in every sound."""
        register_version(self.folder / name, None, alias="champion", network=new_network(emotion))


@pytest.fixture
def setup(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    monkeypatch.setenv("AVEMO_ROOT", str(new_project(tmp_path / "project").root))
    clip = tmp_path / "clip.wav"
    clip.write_bytes(encoded(voice(16000), 16000))
    created = Setup(tmp_path, clip)
    created.register("calm", "first")
    return created


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _SCRIPT, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


def finish(process: subprocess.Popen[str]) -> Predicted:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    answer, modules = map(json.loads, out.splitlines())
    packages = {name.partition(".")[0] for name in modules}
    return Predicted(answer["emotion"], answer["model"], packages)


def predict(*arguments: object) -> Predicted:
    return finish(start(*arguments))


@pytest.mark.slow
def test_a_process_imports_no_mlflow_and_a_moved_alias_counts_at_once(setup: Setup) -> None:
    first, again = predict(setup.clip), predict(setup.clip)
    assert first[:2] == again[:2] == ("calm", "avemo-audio version 1")
    unneeded = {"mlflow", "tensorflow", "keras", "pandas", "sqlalchemy", "cv2"}
    assert first.packages & unneeded == set()
    setup.register("angry", "second")
    assert predict(setup.clip)[:2] == ("angry", "avemo-audio version 2")
    mlflow.MlflowClient().set_registered_model_alias(NAME, "champion", "1")
    assert predict(setup.clip)[:2] == ("calm", "avemo-audio version 1")
    assert len(setup.cached) == 2


@pytest.mark.slow
def test_what_the_cache_has_is_not_pulled_again(setup: Setup) -> None:
    prediction = avemo.predict(setup.clip)
    (folder,) = setup.cached
    shutil.rmtree(setup.folder / "artifacts")
    assert avemo.predict(setup.clip) == prediction
    assert prediction.emotion == "calm"
    assert list(folder.rglob("__pycache__")) == []


@pytest.mark.parametrize("change", ["other content", "missing", "more"])
@pytest.mark.slow
def test_a_changed_file_in_the_cache_is_not_used(setup: Setup, change: str) -> None:
    avemo.predict(setup.clip)
    (folder,) = setup.cached
    (network,) = folder.rglob(GRAPH_FILE)
    if change == "other content":
        network.write_bytes(new_network("angry"))
    elif change == "missing":
        network.unlink()
    else:
        network.with_name("more.py").write_text("")
    assert avemo.predict(setup.clip).emotion == "calm"
    assert network.read_bytes() == new_network("calm")
    assert not network.with_name("more.py").exists()


@pytest.mark.slow
def test_two_processes_that_pull_at_once(setup: Setup) -> None:
    processes = [start(setup.clip) for _ in range(2)]
    first, second = map(finish, processes)
    assert first[:2] == second[:2] == ("calm", "avemo-audio version 1")
    assert len(setup.cached) == 1
    assert list((setup.folder / "cache").rglob("*.part")) == []


@pytest.mark.slow
def test_a_version_that_is_long_unused_is_deleted(setup: Setup) -> None:
    avemo.predict(setup.clip)
    (old,) = setup.cached
    past = time.time() - version_cache._UNUSED_S - 60
    os.utime(old, (past, past))
    setup.register("angry", "second")
    avemo.predict(setup.clip)
    (new,) = setup.cached
    assert new != old


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_to(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AVEMO_CACHE", str(tmp_path / "file"))
    assert avemo.predict(setup.clip).emotion == "calm"


@pytest.mark.slow
def test_a_registry_that_is_gone_is_an_error(setup: Setup, tmp_path: Path) -> None:
    assert predict(setup.clip).emotion == "calm"
    (tmp_path / "mlflow.db").unlink()
    process = start(setup.clip)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 1
    (line,) = [line for line in err.splitlines() if not line.endswith("…")]
    assert line.startswith("avemo: no model is registered at sqlite://")


def test_what_a_database_answered_holds_until_it_is_written_to(tmp_path: Path) -> None:
    import sqlite3

    file = tmp_path / "a.db"
    assert lookup._file_state(file) is None
    with sqlite3.connect(file) as database:
        database.execute("create table t (x)")
    state = lookup._file_state(file)
    assert lookup._file_state(file) == state
    with sqlite3.connect(file) as database:
        database.execute("insert into t values (1)")
    status = file.stat()
    assert lookup._file_state(file) != state
    with sqlite3.connect(file) as database:
        state = lookup._file_state(file)
        database.execute("update t set x = 2")
        database.commit()
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert lookup._file_state(file) != state  # SQLite counts the changes
        database.execute("pragma journal_mode = wal")
        database.execute("update t set x = 3")
        assert lookup._file_state(file) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (b"no graph", "network.onnx cannot be run: "),
        (new_network("calm", operator="Unheard"), "network.onnx cannot be run: "),
        (new_network("calm", feature="mfcc"), "network.onnx cannot be run: "),
    ],
    ids=["damaged", "unknown operator", "other features"],
)
def test_a_graph_that_cannot_be_run_is_one_line(
    setup: Setup, capsys: pytest.CaptureFixture[str], network: bytes, reason: str
) -> None:
    register_version(setup.folder / "broken", None, alias="champion", network=network)
    capsys.readouterr()
    assert main(["predict", str(setup.clip)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith(f"avemo: avemo-audio version 2 cannot answer: {reason}")
    assert len(line) < 400


@pytest.mark.slow
def test_without_onnx_runtime_and_tensorflow_one_line_names_the_way_out(
    setup: Setup, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("onnxruntime", "tensorflow"):
        monkeypatch.setitem(sys.modules, package, None)
    # loaded already by other tests
    for module in [name for name in sys.modules if name.startswith("avemo_")]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(AvemoError, match=r"pip install 'avemo\[tensorflow\]'"):
        avemo.predict(setup.clip)
    assert main(["predict", str(setup.clip)]) == 1
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert line.startswith("avemo: avemo-audio version 1 cannot answer: onnxruntime is not")


@pytest.mark.slow
def test_what_takes_long_is_named_until_the_first_prediction(
    setup: Setup, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class AtOnce(SlowNotice):
        def __init__(self) -> None:
            super().__init__(delay_s=0)

        def __enter__(self) -> "AtOnce":
            super().__enter__()
            self._timer.join()
            return self

    monkeypatch.setattr(command, "SlowNotice", AtOnce)
    capsys.readouterr()
    assert main(["predict", "--json", str(setup.clip), str(setup.clip)]) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["emotion"] for line in out.splitlines()] == ["calm", "calm"]
    assert err.splitlines() == [
        "avemo: asking the registry for the champions …",
        "avemo: checking the files of avemo-audio version 1 …",
        "avemo: loading avemo-audio version 1 …",
        "avemo: computing the prediction of avemo-audio version 1 …",
    ]


@pytest.mark.slow
def test_a_server_is_asked_without_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVEMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AVEMO_ROOT", str(new_project(tmp_path / "project").root))
    setup = Setup(tmp_path, tmp_path / "clip.wav")
    setup.clip.write_bytes(encoded(voice(16000), 16000))
    with small_mlflow_server(tmp_path) as (address, _):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        store.ensure_experiment(mlflow.MlflowClient(), address, "avemo/audio")
        setup.register("calm", "first")
        first = predict(setup.clip)
        setup.register("angry", "second")
        uri = f"models:/{NAME}/1"
        predictions = [first, predict(setup.clip), predict("--model", uri, setup.clip)]
    assert [prediction.model for prediction in predictions] == [
        f"avemo-audio version {number}" for number in (1, 2, 1)
    ]
    assert [prediction.emotion for prediction in predictions] == ["calm", "angry", "calm"]
    assert {"mlflow", "sqlalchemy"} & {name for each in predictions for name in each[2]} == set()
    process = start(setup.clip)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "does not answer: start it" in err.splitlines()[-1]


@pytest.mark.parametrize(("seconds", "lines"), [(0.3, 2), (0, 0)], ids=["slow", "quick"])
def test_a_quick_answer_needs_no_word(
    capsys: pytest.CaptureFixture[str], seconds: float, lines: int
) -> None:
    with SlowNotice(0.05) as notice:
        notice.begin("looking")
        time.sleep(seconds)
        notice.begin("listening")
        notice.stop()
        notice.begin("done")
    expected = ["avemo: looking …", "avemo: listening …"]
    assert capsys.readouterr().err.splitlines() == expected[:lines]
