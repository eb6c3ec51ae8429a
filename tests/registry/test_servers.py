"""The registry on real servers: PostgreSQL, an S3-compatible store, MLflow with its basic auth."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from helpers import servers
from helpers.registered_versions import (
    NAME,
    ROOT,
    new_predictions,
    new_project,
    read_aliases,
    register_version,
)
from helpers.shadow_reports import noted_clips, shadow_clip

from avemo.cli import main
from avemo.errors import AvemoError
from avemo.media.sound import write_wav
from avemo.paths import Project
from avemo.registry import history
from avemo.registry.shadow_figures import make_report
from avemo.registry.shadow_store import read_stored_report, store_report
from avemo.tracking import integrity, store

_MISSING = [name for name in ("boto3", "moto", "psycopg2") if not importlib.util.find_spec(name)]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        servers.postgres_tool("initdb") is None,
        reason="PostgreSQL is not installed: apt-get install postgresql",
    ),
    pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)}"),
]

KEYS = {
    "AWS_ACCESS_KEY_ID": "avemo",
    "AWS_SECRET_ACCESS_KEY": "secret of the tests",
    "AWS_DEFAULT_REGION": "us-east-1",
}
ADMIN = {
    "MLFLOW_TRACKING_USERNAME": "admin",
    "MLFLOW_TRACKING_PASSWORD": "password of the tests",
}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with servers.s3() as address:
        yield address


@pytest.fixture(scope="module")
def bucket(s3: str) -> Any:
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=s3,
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        region_name=KEYS["AWS_DEFAULT_REGION"],
    )
    client.create_bucket(Bucket="avemo")
    return client


@pytest.fixture(scope="module")
def server(s3: str, bucket: Any) -> Iterator[str]:
    """The address of one that asks who is there."""
    with servers.postgres() as database:
        environment = KEYS | {
            "DATABASE": database,
            "BUCKET": "s3://avemo/mlflow",
            "MLFLOW_S3_ENDPOINT_URL": s3,
            "ADMIN_PASSWORD": ADMIN["MLFLOW_TRACKING_PASSWORD"],
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "of the tests",
        }
        with servers.mlflow_server(environment) as address:
            yield address


@pytest.fixture
def project(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose tracking server knows who asks; its registry is empty."""
    created = new_project(tmp_path / "project")
    for name, value in {
        "AVEMO_ROOT": str(created.root),
        "MLFLOW_TRACKING_URI": server,
        **ADMIN,
    }.items():
        monkeypatch.setenv(name, value)
    for model in mlflow.MlflowClient().search_registered_models():
        mlflow.MlflowClient().delete_registered_model(model.name)
    store.ensure_experiment(mlflow.MlflowClient(), server, "avemo/audio")
    write_wav(tmp_path / "clip.wav", np.sin(np.arange(16000) / 9) / 2, 16000)
    return created


def test_from_a_version_to_an_answer(
    project: Project, tmp_path: Path, bucket: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for place, skill in enumerate((0.85, 0.5, 0.9)):
        register_version(tmp_path / str(place), new_predictions(skill, seed=place))
        assert main(["registry", "promote", "audio"]) == int(skill == 0.5)
    assert main(["registry", "rollback", "audio"]) == 0
    assert main(["registry", "promote", "audio"]) == 0
    assert read_aliases() == {"candidate": "3", "champion": "3", "previous": "1"}
    model = mlflow.MlflowClient().get_registered_model(NAME)
    assert [move.target for move in history.parse_moves(model.tags)] == ["1", "3", "1", "3"]
    capsys.readouterr()
    assert main(["predict", str(tmp_path / "clip.wav")]) == 0
    assert "calm 0.80 (sad 0.20) by avemo-audio version 3" in capsys.readouterr().out
    names = [item["Key"] for item in bucket.list_objects_v2(Bucket="avemo")["Contents"]]
    assert any(name.endswith("/predictions.csv") for name in names)
    assert not (project.root / "mlruns").exists()


def test_the_report_of_a_comparison_goes_to_the_store(
    project: Project, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.server import get_app_client

    for name, alias in (("a", "champion"), ("b", "candidate")):
        register_version(tmp_path / name, new_predictions(0.85), alias=alias)
    candidate = mlflow.MlflowClient().get_model_version(NAME, "2")
    assert read_stored_report(NAME, "2") is None
    clips = [shadow_clip("sad", "sad", source=number) for number in range(8)]
    get_app_client("basic-auth", server).create_user("observer", "may read only")
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_USERNAME", "observer")
        patch.setenv("MLFLOW_TRACKING_PASSWORD", "may read only")
        with pytest.raises(AvemoError, match=r"models:/.*: shadow.json cannot be written: .*"):
            store_report(make_report(noted_clips(clips)))
        assert read_stored_report(NAME, "2") is None
    report = make_report(noted_clips(clips))
    store_report(report)
    # of two comparisons of the same versions, that of more clips stays
    store_report(make_report(noted_clips(clips[:5], started_at="2026-02-01")))
    assert read_stored_report(NAME, "2") == report
    assert integrity.verify_version(candidate) == []


def test_one_changed_byte_in_the_store(
    project: Project, tmp_path: Path, bucket: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    register_version(tmp_path / "a", new_predictions(0.85), alias="champion")
    assert main(["registry", "verify"]) == 0
    objects = bucket.list_objects_v2(Bucket="avemo")["Contents"]
    objects = [item for item in objects if item["Key"].endswith("/bundle.json")]
    key = max(objects, key=lambda item: item["LastModified"])["Key"]
    content = bytearray(bucket.get_object(Bucket="avemo", Key=key)["Body"].read())
    content[10] ^= 1
    bucket.put_object(Bucket="avemo", Key=key, Body=bytes(content))
    capsys.readouterr()
    assert main(["registry", "verify"]) == 1
    assert "bundle.json is changed" in capsys.readouterr().out
    assert main(["predict", str(tmp_path / "clip.wav")]) == 1
    assert "is not as it was registered" in capsys.readouterr().err


@pytest.mark.parametrize(
    "who",
    [{}, {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "a guess"}],
    ids=["nobody", "wrong password"],
)
def test_without_credentials_no_promotion(
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    who: dict[str, str],
) -> None:
    register_version(tmp_path / "a", new_predictions(0.85))
    capsys.readouterr()
    with monkeypatch.context() as patch:
        for name in ADMIN:
            patch.delenv(name)
        for name, value in who.items():
            patch.setenv(name, value)
        assert main(["registry", "promote", "audio"]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert "does not know you: set MLFLOW_TRACKING_USERNAME" in line
    assert read_aliases() == {"candidate": "1"}


def test_a_reader_may_predict_and_not_promote(
    project: Project,
    server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from mlflow.server import get_app_client

    register_version(tmp_path / "a", new_predictions(0.85), alias="champion")
    register_version(tmp_path / "b", new_predictions(0.85))
    get_app_client("basic-auth", server).create_user("reader", "may read only")
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_USERNAME", "reader")
        patch.setenv("MLFLOW_TRACKING_PASSWORD", "may read only")
        assert main(["predict", str(tmp_path / "clip.wav")]) == 0
        capsys.readouterr()
        assert main(["registry", "promote", "audio"]) == 1
        assert "does not let you do that" in capsys.readouterr().err
    assert read_aliases() == {"candidate": "2", "champion": "1"}


def test_from_a_folder_to_the_server(
    project: Project,
    server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What was made on one machine goes to the team's registry."""
    local = f"sqlite:///{tmp_path}/local/mlflow.db"
    (tmp_path / "local").mkdir()
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", local)
        store.ensure_experiment(mlflow.MlflowClient(), local, "avemo/audio")
        register_version(tmp_path / "a", new_predictions(0.85), alias="champion")
        assert main(["registry", "copy", f"models:/{NAME}@champion", "--to", server]) == 0
    assert main(["registry", "promote", "audio"]) == 0
    assert main(["registry", "verify"]) == 0
    assert read_aliases() == {"candidate": "1", "champion": "1"}


@pytest.mark.skipif(not importlib.util.find_spec("dvc_s3"), reason="not installed: dvc-s3")
def test_data_on_the_same_store(tmp_path: Path, s3: str, bucket: Any) -> None:
    environment = os.environ | KEYS | {"DVC_NO_ANALYTICS": "1"}

    def dvc(*arguments: str) -> None:
        command = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    dvc("init", "--no-scm", "--quiet")
    dvc("remote", "add", "--default", "store", "s3://avemo/dvc")
    dvc("remote", "modify", "store", "endpointurl", s3)
    file = Path(tmp_path, "recording.wav")
    file.write_bytes(b"a recording")
    dvc("add", "--quiet", file.name)
    dvc("push", "--quiet")
    file.unlink()
    for cached in (tmp_path / ".dvc/cache").rglob("*"):
        if cached.is_file():
            cached.unlink()
    dvc("pull", "--quiet")
    assert file.read_bytes() == b"a recording"


def test_two_at_once_on_the_server(project: Project, server: str, tmp_path: Path) -> None:
    """Each of two processes has the candidate checked, and one moves the champion."""
    register_version(tmp_path / "a", new_predictions(0.85))
    command = [sys.executable, "-m", "avemo.cli", "registry", "promote", "audio"]
    both = [
        subprocess.Popen(
            command,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = ["".join(process.communicate(timeout=600)) for process in both]
    assert sum("version 1 is the champion\n" in text for text in outputs) == 1, outputs
    tags = mlflow.MlflowClient().get_registered_model(NAME).tags
    assert [move.target for move in history.parse_moves(tags)] == ["1"]
    assert [model.name for model in mlflow.MlflowClient().search_registered_models()] == [NAME]
