"""A version is signed, and whoever asks for the signature takes no other; with a real registry."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import mlflow
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from helpers.certificates import write_certificate
from helpers.forgery import forge, stored_files
from helpers.model_signing import stock_tool
from helpers.registered_versions import (
    NAME,
    new_network,
    new_predictions,
    new_project,
    read_aliases,
    register_version,
)
from helpers.sounds import encoded, voice

from avemo.cli import main
from avemo.errors import AvemoError
from avemo.paths import Project
from avemo.registry import bom, provenance
from avemo.registry.version import read_lineage
from avemo.tracking import integrity, signature
from avemo.tracking.keys import PublicKey, generate_key_pair

pytestmark = pytest.mark.slow


class Setup(NamedTuple):
    """A registry with two versions: the first, calm, is champion; the second, angry, candidate."""

    folder: Path
    project: Project
    clip: Path

    @property
    def key(self) -> str:
        return str(self.folder / "owner.key")

    @property
    def public(self) -> str:
        return str(self.folder / "owner.pub")


@pytest.fixture
def setup(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    project = new_project(tmp_path / "project", max_latency_ratio=100.0)
    monkeypatch.setenv("AVEMO_ROOT", str(project.root))
    clip = tmp_path / "clip.wav"
    clip.write_bytes(encoded(voice(16000), 16000))
    for name in ("owner", "other"):
        generate_key_pair(tmp_path / f"{name}.key", tmp_path / f"{name}.pub")
    table = new_predictions(0.85)
    register_version(tmp_path / "a", table, alias="champion", network=new_network("calm"))
    register_version(tmp_path / "b", table, network=new_network("angry"))
    return Setup(tmp_path, project, clip)


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line of the standard error, without the notices of what takes long."""
    (line,) = [text for text in capsys.readouterr().err.splitlines() if not text.endswith("…")]
    return line


def require_setting(setup: Setup, value: str) -> None:
    file = setup.project.root / "params.yaml"
    params = yaml.safe_load(file.read_text())
    params["promotion"]["require_key"] = value
    file.write_text(yaml.safe_dump(params))


def test_a_signed_version_has_its_documents_and_tags(
    setup: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["registry", "sign", "audio@candidate", "--key", setup.key]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{NAME} version 2 is signed with ")
    assert out.endswith(": provenance.intoto.json, bom.cdx.json, model.sig\n")
    version = mlflow.MlflowClient().get_model_version(NAME, "2")
    folder = stored_files("2")
    digest = integrity.compute_sha256(folder / integrity.SIGNATURE_FILE)
    assert version.tags["avemo.signature"] == digest
    assert integrity.verify_version(version) == []
    statement = provenance.read_provenance(folder / integrity.PROVENANCE_FILE)
    assert statement.lineage == read_lineage(folder)
    assert {file.name for file in statement.subject} >= {"MLmodel", "requirements.txt"}
    bom = json.loads((folder / integrity.BOM_FILE).read_text())
    assert (bom["specVersion"], bom["metadata"]["component"]["version"]) == ("1.6", "2")
    assert "pkg:pypi/numpy@2" in [component.get("purl") for component in bom["components"]]
    assert main(["registry", "sign", f"{NAME}/2", "--key", setup.key]) == 0  # once more


def test_who_signed_is_verified(setup: Setup, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["registry", "sign", "audio@candidate", "--key", setup.key]) == 0
    capsys.readouterr()
    assert main(["registry", "verify", "audio"]) == 0
    assert main(["registry", "verify", "audio", "--require-key", setup.public]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        f"{NAME} version {number}: every file is as it was registered"
        for number in ("1 (champion)", "2 (candidate)")
    ]
    assert lines[2] == f"{NAME} version 1 (champion): it is not signed"
    assert f"every file is as it was registered, signed with {setup.public} (" in lines[3]
    (stored_files("2") / integrity.SIGNATURE_FILE).unlink()
    assert main(["registry", "verify", "audio"]) == 1
    assert "model.sig is missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("version", "key", "message"),
    [
        ("audio", "owner.key", "'audio' names no version: avemo-audio@champion or avemo-audio/3"),
        ("sound@champion", "owner.key", "there is no model 'sound'"),
        ("audio/9", "owner.key", "there is no models:/avemo-audio/9"),
        ("audio@none", "owner.key", "there is no models:/avemo-audio@none"),
        ("audio/1", "owner.pub", "owner.pub holds a public key, the private one is expected"),
        ("audio/1", "none", "none cannot be read: No such file or directory"),
        ("audio/1", "clip.wav", "clip.wav holds no key in PEM"),
    ],
)
def test_what_cannot_be_signed_is_one_line(
    setup: Setup, capsys: pytest.CaptureFixture[str], version: str, key: str, message: str
) -> None:
    capsys.readouterr()
    assert main(["registry", "sign", version, "--key", str(setup.folder / key)]) == 1
    assert message in one_line(capsys)
    assert not (stored_files("1") / integrity.SIGNATURE_FILE).exists()


def test_changed_files_are_not_signed(setup: Setup, capsys: pytest.CaptureFixture[str]) -> None:
    (network,) = stored_files("2").rglob("network.onnx")
    network.write_bytes(new_network("sad"))
    capsys.readouterr()
    assert main(["registry", "sign", "audio/2", "--key", setup.key]) == 1
    assert "network.onnx is changed" in one_line(capsys)
    assert not (stored_files("2") / integrity.SIGNATURE_FILE).exists()


def test_promote_takes_no_version_that_the_owner_did_not_sign(
    setup: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    required = ["--require-key", setup.public]
    assert main(["registry", "sign", "audio@champion", "--key", setup.key]) == 0
    capsys.readouterr()
    assert main(["registry", "promote", "audio", *required]) == 1
    out = capsys.readouterr().out
    assert f"{NAME} version 2: refused: owner's signature" in out
    assert "it is not signed" in out
    force = ["--force", "--reason", "in a hurry"]
    assert main(["registry", "promote", "audio", *required, *force]) == 1
    assert f"{NAME} version 2: it is not signed: --force does not make" in one_line(capsys)
    other_key = str(setup.folder / "other.key")
    assert main(["registry", "sign", "audio@candidate", "--key", other_key]) == 0
    assert main(["registry", "promote", "audio", *required]) == 1
    assert "it is signed with another key" in " ".join(capsys.readouterr().out.split())
    assert read_aliases()["champion"] == "1"
    assert main(["registry", "sign", "audio@candidate", "--key", setup.key]) == 0
    assert main(["registry", "promote", "audio", *required]) == 0
    assert read_aliases() == {"candidate": "2", "champion": "2", "previous": "1"}


def test_a_consistent_forgery_is_promoted_by_nobody(
    setup: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights, checksums.json and tag are replaced, and agree; the signature is an old one."""
    for version in ("audio/1", "audio/2"):
        assert main(["registry", "sign", version, "--key", setup.key]) == 0
    forge("2", "sad")
    assert main(["registry", "verify", "audio"]) == 0  # the checksums have nothing to say
    capsys.readouterr()
    force = ["--force", "--reason", "it looks good"]
    assert main(["registry", "promote", "audio", "--require-key", setup.public, *force]) == 1
    line = one_line(capsys)
    assert f"{NAME} version 2: its files are not those that were signed: " in line
    assert "artifacts/model/network.onnx is changed" in line
    assert read_aliases()["champion"] == "1"
    forge("2", "sad", signature_of="1")
    assert main(["registry", "verify", "audio", "--require-key", setup.public]) == 1
    assert "(candidate): its files are not those that were signed" in capsys.readouterr().out


def test_a_setting_requires_a_key_of_promotions_and_rollbacks(
    setup: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["registry", "promote", "audio"]) == 0
    require_setting(setup, "../owner.pub")
    register_version(setup.folder / "c", new_predictions(0.85), network=new_network("sad"))
    for command in ("check", "promote"):
        assert main(["registry", command, "audio"]) == 1
        assert f"{NAME} version 3: refused: " in (out := capsys.readouterr().out)
        assert "owner's signature" in out
    capsys.readouterr()
    assert main(["registry", "rollback", "audio"]) == 1
    assert f"{NAME} version 1: it is not signed" in one_line(capsys)
    assert main(["registry", "sign", "audio/1", "--key", setup.key]) == 0
    assert main(["registry", "rollback", "audio"]) == 0
    assert read_aliases()["champion"] == "1"
    require_setting(setup, "none.pub")
    capsys.readouterr()
    assert main(["registry", "promote", "audio"]) == 1
    assert "none.pub cannot be read: No such file or directory" in one_line(capsys)


def predict(setup: Setup, *options: str) -> int:
    return main(["predict", "--require-key", setup.public, str(setup.clip), *options])


def test_predict_takes_no_version_that_the_owner_did_not_sign(
    setup: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither from the registry nor from the cache, which has it already."""
    assert main(["predict", str(setup.clip)]) == 0
    capsys.readouterr()
    assert predict(setup) == 1
    assert f"{NAME} version 1: it is not signed" in one_line(capsys)
    assert main(["registry", "sign", "audio/1", "--key", str(setup.folder / "other.key")]) == 0
    capsys.readouterr()
    assert predict(setup) == 1
    assert f"{NAME} version 1: it is signed with another key" in one_line(capsys)
    assert main(["registry", "sign", "audio/1", "--key", setup.key]) == 0
    assert predict(setup) == 0
    assert ": calm 0." in capsys.readouterr().out


def test_a_certificate_s_key_counts_until_it_expires(
    setup: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even the cache, where the key's signature was checked, spares the look at the date."""
    assert main(["registry", "sign", "audio/1", "--key", setup.key]) == 0
    key = load_pem_private_key((setup.folder / "owner.key").read_bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    day = timedelta(days=1)
    now = datetime.now(UTC)
    valid = write_certificate(setup.folder / "valid.crt", key, now - day, now + day)
    assert main(["predict", "--require-key", str(valid), str(setup.clip)]) == 0
    expired = write_certificate(setup.folder / "old.crt", key)
    capsys.readouterr()
    assert main(["predict", "--require-key", str(expired), str(setup.clip)]) == 1
    assert f"the certificate {expired} expired on 2026-02-01 00:00 UTC" in one_line(capsys)
    assert main(["registry", "verify", "audio", "--require-key", str(expired)]) == 1
    assert "old.crt expired on" in capsys.readouterr().out


def test_a_consistent_forgery_predicts_nothing(
    setup: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["registry", "sign", "audio/1", "--key", setup.key]) == 0
    assert predict(setup) == 0
    forge("1", "sad")
    capsys.readouterr()
    assert main(["predict", str(setup.clip)]) == 0  # into the cache
    assert ": sad 0." in capsys.readouterr().out
    csv = setup.folder / "out.csv"
    assert main(["predict", str(setup.clip), "--csv", str(csv)]) == 0  # into the journal
    csv.unlink()
    for options in ([], ["--csv", str(csv)], ["--workers", "2"], ["--model", f"models:/{NAME}/1"]):
        capsys.readouterr()
        assert predict(setup, *options) == 1
        err = capsys.readouterr().err
        assert f"{NAME} version 1: its files are not those that were signed" in err
        assert "Traceback" not in err
    assert not csv.exists()


def test_a_signature_is_checked_once_for_each_content_and_key(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[Path] = []
    find = signature.find_signature_problem

    def note(folder: Path, key: PublicKey) -> str:
        checked.append(folder)
        return find(folder, key)

    monkeypatch.setattr(signature, "find_signature_problem", note)
    assert main(["registry", "sign", "audio/1", "--key", setup.key]) == 0
    checked.clear()
    for _ in range(3):
        assert predict(setup) == 0
    assert len(checked) == 1
    # a file that was changed in the cache is noticed, and what is pulled again is the same content
    (network,) = (setup.folder / "cache/versions").rglob("network.onnx")
    network.write_bytes(new_network("sad"))
    assert predict(setup) == 0
    assert network.read_bytes() == new_network("calm")
    for file in (setup.folder / "cache/versions").glob("*.signed-*"):
        file.write_text("of something else")
    assert predict(setup) == 0
    assert len(checked) == 2


def test_a_cache_that_cannot_be_written_to_spares_no_check(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (setup.folder / "file").write_text("")
    monkeypatch.setenv("AVEMO_CACHE", str(setup.folder / "file"))
    capsys.readouterr()
    assert predict(setup) == 1
    assert f"{NAME} version 1: it is not signed" in one_line(capsys)
    assert main(["registry", "sign", "audio/1", "--key", setup.key]) == 0
    assert predict(setup) == 0


def test_a_version_without_checksums_is_signed_by_nobody(
    setup: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    mlflow.MlflowClient().delete_model_version_tag(NAME, "1", integrity.CHECKSUMS_TAG)
    capsys.readouterr()
    assert main(["registry", "sign", "audio/1", "--key", setup.key]) == 1
    assert "was registered without checksums" in one_line(capsys)
    assert predict(setup) == 1
    assert "has no checksums, so that nobody can have signed it" in one_line(capsys)
    assert predict(setup, "--model", "prior") == 2


def test_a_tag_that_is_no_checksum_becomes_no_path(
    setup: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    client = mlflow.MlflowClient()
    client.set_model_version_tag(NAME, "1", integrity.CHECKSUMS_TAG, "/../../outside")
    capsys.readouterr()
    assert main(["predict", str(setup.clip)]) == 1
    assert "its tag avemo.checksums holds no SHA-256" in one_line(capsys)


def test_a_signed_version_is_copied_with_its_signature(
    setup: Setup, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["registry", "sign", "audio/1", "--key", setup.key]) == 0
    (setup.folder / "there").mkdir()
    shutil.copyfile(empty_database, setup.folder / "there/mlflow.db")
    there = f"sqlite:///{setup.folder}/there/mlflow.db"
    assert main(["registry", "copy", f"models:/{NAME}/1", "--to", there]) == 0
    monkeypatch.setenv("MLFLOW_TRACKING_URI", there)
    assert main(["registry", "verify", "audio", "--require-key", setup.public]) == 0


_SCRIPT = """
import json, sys
from avemo.cli import main
code = main(["predict", *sys.argv[1:]])
print(json.dumps(sorted(sys.modules)))
sys.exit(code)
"""


def test_what_is_not_asked_for_is_not_imported(setup: Setup) -> None:
    assert main(["registry", "sign", "audio/1", "--key", setup.key]) == 0
    packages = []
    for options in ([], ["--require-key", setup.public]):
        process = subprocess.run(
            [sys.executable, "-c", _SCRIPT, str(setup.clip), *options],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        )
        modules = json.loads(process.stdout.splitlines()[-1])
        packages.append({name.partition(".")[0] for name in modules})
    unneeded = {"sigstore", "model_signing", "in_toto_attestation", "mlflow"}
    assert packages[0] & (unneeded | {"cryptography"}) == set()
    assert packages[1] & unneeded == set()


def test_openssf_s_tool_accepts_a_downloaded_version(setup: Setup) -> None:
    tool = stock_tool()
    assert main(["registry", "sign", "audio/1", "--key", setup.key]) == 0
    assert main(["registry", "check", "audio"]) == 0  # which adds files
    folder = mlflow.artifacts.download_artifacts(
        f"models:/{NAME}/1", dst_path=str(setup.folder / "downloaded")
    )
    bytecode = Path(folder, "__pycache__", "load.cpython-311.pyc")
    bytecode.parent.mkdir()
    bytecode.write_bytes(b"which Python writes where a store is on this machine")
    command = [*tool, "verify", "key", "--signature", f"{folder}/model.sig"]
    command += ["--public_key", setup.public, folder]
    verified = subprocess.run(command, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stderr
    (network,) = Path(folder).rglob("network.onnx")
    network.write_bytes(new_network("sad"))
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_the_schemas_refuse_what_they_do_not_know() -> None:
    fields = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    bom._check_schema(fields)
    with pytest.raises(AvemoError, match=r"CycloneDX's schema: \$\.version: 0 is less"):
        bom._check_schema(fields | {"version": 0})
    with pytest.raises(AvemoError, match="check of its types"):
        provenance._check_types({"_type": "https://in-toto.io/Statement/v1", "predicate": {"a": 1}})
