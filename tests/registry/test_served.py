"""A served version takes a file's content alone; who is in its process may name a file too."""

import base64
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import mlflow
import numpy as np
import pandas as pd
import psutil
import pytest
from helpers.bundles import bundle_config, new_abstention, new_sets
from helpers.registered_versions import NAME, start_run
from helpers.servers import served_model
from helpers.sounds import encoded, voice

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.features.audio import mfcc
from avemo.features.run import extract_audio
from avemo.models import bundle, preprocessing
from avemo.registry import packaging
from avemo.tracking import store

pytestmark = pytest.mark.slow

EXTRACTOR = mfcc.Mfcc(
    mfcc.Settings(
        sample_rate=16000, window_ms=48.0, hop_ms=24.0, coefficients=30, low_hz=60.0, high_hz=7600.0
    )
)
CONTENT = encoded(voice(16000), 16000)
TEXT = base64.b64encode(CONTENT).decode()
COLUMNS = [f"p_{name}" for name in EMOTIONS]


def trained(folder: Path) -> bundle.Bundle:
    """An untrained network that listens."""
    import keras

    folder.mkdir()
    keras.utils.set_random_seed(1)
    array = extract_audio(CONTENT, {"mfcc": EXTRACTOR})["mfcc"]["mfcc"]
    prepared = {"mfcc": preprocessing.fit([array])}
    heard = keras.Input(prepared["mfcc"].shape, name="mfcc")
    probabilities = keras.layers.Dense(len(EMOTIONS), "softmax")(keras.layers.Flatten()(heard))
    config = bundle_config(
        features={"mfcc": EXTRACTOR.spec()},
        abstention=new_abstention(1.0),
        conformal_sets=new_sets(0.0),
    )
    bundle.write(folder, keras.Model({"mfcc": heard}, probabilities), prepared, config)
    return bundle.Bundle(folder)


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[str]:
    """A registry with a version that answers from sound."""
    folder = tmp_path_factory.mktemp("registry")
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    uri = f"sqlite:///{folder}/mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(store.TRACKING_URI, uri)
        store.ensure_experiment(mlflow.MlflowClient(), uri, "avemo/audio")
        with packaging.package_model(trained(folder / "bundle")) as packaged, start_run():
            mlflow.pyfunc.log_model(
                name="model",
                python_model=str(packaged.script),
                artifacts={"model": str(packaged.folder)},
                code_paths=[str(packaged.code)],
                pip_requirements=[],
                signature=packaging.signature(EMOTIONS),
                registered_model_name=NAME,
            )
        yield uri


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server runs, with a recording whose name has four letters, as base64 may."""
    folder = tmp_path_factory.mktemp("served")
    for name in ("clip", "a clip.wav"):
        (folder / name).write_bytes(CONTENT)
    return folder


@pytest.fixture(scope="module")
def address(uri: str, folder: Path) -> Iterator[str]:
    with served_model(f"models:/{NAME}/1", uri, folder) as address:
        yield address


def send(address: str, body: bytes, kind: str = "application/json") -> list[dict[str, Any]]:
    """Ask the server; a row a clip, with None for NaN."""
    request = Request(f"{address}/invocations", body, {"Content-Type": kind})
    with urlopen(request, timeout=60) as answer:
        response = json.load(answer, parse_constant=lambda name: None)
    return list(response["predictions"])


def send_media(address: str, *media: object, **more: object) -> list[dict[str, Any]]:
    table = {"columns": ["media"], "data": [[item] for item in media]}
    return send(address, json.dumps({"dataframe_split": table, **more}).encode())


def test_a_server_answers_as_the_version_does_without_tensorflow(address: str, uri: str) -> None:
    (row,) = send_media(address, TEXT)
    expected = mlflow.pyfunc.load_model(f"models:/{NAME}/1").predict(
        pd.DataFrame({"media": [TEXT]})
    )
    assert [row[name] for name in COLUMNS] == pytest.approx(list(expected[COLUMNS].iloc[0]))
    assert row["unsure"] is True
    assert row["emotions"] == expected["emotions"].iloc[0]
    assert sorted(row["emotions"]) == sorted(EMOTIONS)
    assert row["emotions"][0] == row["emotion"]
    port = int(address.rpartition(":")[2])
    (server,) = {
        connection.pid
        for connection in psutil.net_connections("tcp4")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    }
    libraries = " ".join(mapped.path for mapped in psutil.Process(server).memory_maps())
    assert "onnxruntime" in libraries
    assert "tensorflow" not in libraries


def test_a_server_takes_no_text_as_a_path(address: str, folder: Path) -> None:
    existing, missing = folder / "a clip.wav", folder / "no clip.wav"
    names = (str(existing), existing.name, existing.as_uri(), str(missing))
    *named, plain, lines = send_media(address, *names, TEXT, base64.encodebytes(CONTENT).decode())
    assert all(row == named[0] for row in named)
    assert named[0]["finding"] == "unreadable"
    assert named[0]["reason"].startswith("text is taken as a file's content in base64")
    assert named[0]["p_calm"] is None
    assert plain == lines
    assert plain["finding"] == plain["reason"] == ""
    assert math.fsum(plain[name] for name in COLUMNS) == pytest.approx(1, abs=1e-5)


def test_a_name_that_reads_as_base64_is_content(address: str, folder: Path) -> None:
    existing, missing = send_media(address, "clip", "none")
    assert (folder / "clip").exists()
    assert not (folder / "none").exists()
    assert existing == missing
    assert existing["finding"] == "unreadable"


def test_neither_parameters_nor_parquet_name_a_file(address: str, folder: Path) -> None:
    existing = folder / "a clip.wav"
    (row,) = send_media(address, str(existing), params={"paths": True})
    assert row["finding"] == "unreadable"
    for media, finding in ((str(existing), "unreadable"), (TEXT, ""), (CONTENT, "")):
        table = pd.DataFrame({"media": [media]}).to_parquet()
        (row,) = send(address, table, "application/vnd.apache.parquet")
        assert row["finding"] == finding


@pytest.mark.parametrize("media", [None, 7, 0.5, True, ["a"], {"path": "a"}, "", "ü"], ids=str)
def test_what_is_no_media_gets_a_finding_and_the_others_an_answer(
    address: str, media: object
) -> None:
    wrong, right = send_media(address, media, TEXT)
    assert (wrong["finding"], right["finding"]) == ("unreadable", "")
    assert wrong["reason"]


def test_a_caller_in_the_process_may_name_a_file(uri: str, folder: Path) -> None:
    model = mlflow.pyfunc.load_model(f"models:/{NAME}/1")
    file = folder / "a clip.wav"
    media = [file, CONTENT, str(file), folder / "none.wav"]
    rows = model.predict(pd.DataFrame({"media": media}))
    np.testing.assert_array_equal(rows[COLUMNS].iloc[0], rows[COLUMNS].iloc[1])
    assert list(rows["finding"]) == ["", "", "unreadable", "unreadable"]
