"""A signature over files: what it covers, what it refuses, and OpenSSF's own tool beside it."""

import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.model_signing import stock_tool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avemo.errors import AvemoError
from avemo.tracking import signature
from avemo.tracking.integrity import SIGNATURE_FILE
from avemo.tracking.keys import PublicKey, generate_key_pair, read_private_key


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("owner", "other"):
        generate_key_pair(folder / f"{name}.key", folder / f"{name}.pub")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the files of a version."""
    created = tmp_path / "version"
    (created / "artifacts").mkdir(parents=True)
    (created / "MLmodel").write_text("model")
    (created / "artifacts/network.onnx").write_bytes(bytes(range(256)) * 10)
    (created / "checksums.json").write_text("{}")
    return created


def sign_with(folder: Path, keys: Path, name: str = "owner") -> PublicKey:
    key = read_private_key(keys / f"{name}.key")
    signature.sign_files(folder, "avemo-audio-3", key)
    return key.public


def change_bundle(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    file = folder / SIGNATURE_FILE
    bundle = json.loads(file.read_text())
    change(bundle)
    file.write_text(json.dumps(bundle))


def test_files_that_nobody_changed_verify(folder: Path, keys: Path) -> None:
    key = sign_with(folder, keys)
    assert signature.find_signature_problem(folder, key) == ""
    # what MLflow, the gate and a comparison add later
    for name in ("registered_model_meta", "check.json", "check.md", "shadow.json"):
        (folder / name).write_text("later")
    signature.require_signature(folder, key, "avemo-audio version 3")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("artifacts/network.onnx", "other", "artifacts/network.onnx is changed"),
        ("artifacts/network.onnx", None, "artifacts/network.onnx is missing"),
        ("code/more.py", "evil", "code/more.py is new"),
        (".gitignore", "evil", ".gitignore is new"),
        ("artifacts/check.json", "evil", "artifacts/check.json is new"),
    ],
)
def test_changed_files_are_named(
    folder: Path, keys: Path, name: str, content: str | None, problem: str
) -> None:
    key = sign_with(folder, keys)
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    expected = f"its files are not those that were signed: {problem}"
    assert signature.find_signature_problem(folder, key) == expected
    with pytest.raises(AvemoError, match=f"^avemo-audio version 3: {expected}; "):
        signature.require_signature(folder, key, "avemo-audio version 3")


def test_the_signature_of_other_files_is_refused(folder: Path, keys: Path, tmp_path: Path) -> None:
    key = sign_with(folder, keys)
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    (other / "MLmodel").write_text("another")
    assert "MLmodel is changed" in signature.find_signature_problem(other, key)
    (tmp_path / "text").mkdir()
    (tmp_path / "text/a.txt").write_text("no version")
    sign_with(tmp_path / "text", keys)
    problem = signature.find_signature_problem(tmp_path / "text", key)
    assert problem == "its signature model.sig is of other files, not of a version"


def test_another_owner_s_signature_is_refused(folder: Path, keys: Path) -> None:
    owner = sign_with(folder, keys)
    other = sign_with(folder, keys, "other")
    problem = signature.find_signature_problem(folder, owner)
    assert problem == (
        f"it is signed with another key, {other.fingerprint[:12]}, than {owner.source} "
        f"({owner.fingerprint[:12]})"
    )


def test_a_hint_of_the_owner_s_key_is_no_signature(folder: Path, keys: Path) -> None:
    owner = sign_with(folder, keys)
    sign_with(folder, keys, "other")
    material = {"publicKey": {"hint": owner.fingerprint}}
    change_bundle(folder, lambda bundle: bundle["verificationMaterial"].update(material))
    problem = signature.find_signature_problem(folder, owner)
    assert problem == "its signature model.sig is forged or damaged: the key did not make it"


def test_a_statement_about_other_files_in_a_signed_envelope_is_refused(
    folder: Path, keys: Path
) -> None:
    key = sign_with(folder, keys)
    (folder / "MLmodel").write_text("forged")
    old = json.loads((folder / SIGNATURE_FILE).read_text())["dsseEnvelope"]["payload"]
    sign_with(folder, keys, "other")
    new = json.loads((folder / SIGNATURE_FILE).read_text())["dsseEnvelope"]["payload"]
    sign_with(folder, keys)
    assert old != new
    (folder / "MLmodel").write_text("forged again")
    change_bundle(folder, lambda bundle: bundle["dsseEnvelope"].update({"payload": old}))
    assert "forged or damaged" in signature.find_signature_problem(folder, key)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is damaged, or not by a key: it holds no JSON"),
        (b"\xff\xfe", "is damaged, or not by a key"),
        (b"{}", "is damaged, or not by a key: mediaType"),
        (b"[1]", "is damaged, or not by a key"),
    ],
)
def test_a_damaged_bundle_is_a_sentence(
    folder: Path, keys: Path, content: bytes, problem: str
) -> None:
    key = sign_with(folder, keys)
    (folder / SIGNATURE_FILE).write_bytes(content)
    assert problem in signature.find_signature_problem(folder, key)
    (folder / SIGNATURE_FILE).unlink()
    assert signature.find_signature_problem(folder, key) == "it is not signed"


def test_a_certificate_s_bundle_is_not_by_a_key(folder: Path, keys: Path) -> None:
    key = sign_with(folder, keys)
    material: dict[str, object] = {"x509CertificateChain": {"certificates": []}}
    change_bundle(folder, lambda bundle: bundle.update({"verificationMaterial": material}))
    assert "not by a key: verificationMaterial.publicKey" in signature.find_signature_problem(
        folder, key
    )


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_no_changed_byte_of_a_bundle_is_an_error_of_python(
    folder: Path, keys: Path, place: float, byte: int
) -> None:
    """Some bytes say nothing, such as a space; with every other one it is refused."""
    key = sign_with(folder, keys)
    file = folder / SIGNATURE_FILE
    content = bytearray(file.read_bytes())
    bundle = json.loads(content)
    content[int(place * len(content))] = byte
    file.write_bytes(content)
    if not signature.find_signature_problem(folder, key):
        changed = json.loads(file.read_bytes())
        read = [
            [base64.b64decode(own["dsseEnvelope"][name]) for name in ("payload",)]
            for own in (bundle, changed)
        ]
        assert read[0] == read[1]


@pytest.mark.slow
def test_openssf_s_tool_accepts_ours_and_we_accept_its(folder: Path, keys: Path) -> None:
    tool = stock_tool()
    key = sign_with(folder, keys)
    file = folder / SIGNATURE_FILE
    verify = [*tool, "verify", "key", "--signature", str(file)]
    verify += ["--public_key", str(keys / "owner.pub"), str(folder)]
    (folder / "check.json").write_text("later")
    (folder / "shadow.json").write_text("later")
    verified = subprocess.run(verify, capture_output=True, text=True)
    assert verified.returncode == 0, verified.stderr
    (folder / "MLmodel").write_text("forged")
    assert subprocess.run(verify, capture_output=True).returncode != 0
    file.unlink()
    options = ["--private_key", str(keys / "owner.key"), "--signature", str(file)]
    sign = [*tool, "sign", "key", *options, str(folder)]
    subprocess.run(sign, check=True, capture_output=True)
    assert signature.find_signature_problem(folder, key) == ""
