"""Key files, good ones and others: each of the latter is a sentence."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from helpers.certificates import END, START, write_certificate

from avemo.cli import main
from avemo.errors import AvemoError
from avemo.tracking.keys import (
    find_required_key,
    generate_key_pair,
    read_private_key,
    read_public_key,
)

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def write_private(file: Path, key: Private, password: bytes = b"") -> Path:
    protection = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(key.private_bytes(pem, pkcs8, protection))
    return file


def write_public(file: Path, key: Private) -> Path:
    pem, info = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    file.write_bytes(key.public_key().public_bytes(pem, info))
    return file


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_a_key_verifies_what_its_private_half_signed(
    tmp_path: Path, curve: ec.EllipticCurve
) -> None:
    key = ec.generate_private_key(curve)
    private = read_private_key(write_private(tmp_path / "key", key))
    public = read_public_key(write_public(tmp_path / "pub", key))
    assert private.public.fingerprint == public.fingerprint
    signature = private.sign(b"content")
    assert public.verifies(signature, b"content")
    assert not public.verifies(signature, b"other")
    assert not public.verifies(b"no signature", b"content")


def test_a_new_pair_overwrites_nothing_and_is_its_owner_s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = tmp_path / "owner.key", tmp_path / "owner.pub"
    assert main(["registry", "keygen", str(private)]) == 0
    fingerprint = read_public_key(public).fingerprint
    assert f"{fingerprint[:12]}\n" in capsys.readouterr().out
    assert read_private_key(private).public.fingerprint == fingerprint
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    before = private.read_bytes()
    assert main(["registry", "keygen", str(private)]) == 1
    assert "owner.key exists, and a key is never overwritten" in capsys.readouterr().err
    assert private.read_bytes() == before
    private.unlink()
    with pytest.raises(AvemoError, match=r"owner\.pub exists"):
        generate_key_pair(private, public)
    assert not private.exists()
    with pytest.raises(AvemoError, match="cannot be written: No such file or directory"):
        generate_key_pair(tmp_path / "none" / "a.key", tmp_path / "a.pub")


def bad_keys(folder: Path) -> dict[str, Path]:
    """Files that are no key to sign with."""
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "text").write_text("no key")
    (folder / "bytes").write_bytes(bytes(range(256)))
    (folder / "cut").write_text("-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n")
    (folder / "cut.pub").write_text("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0C\n")
    (folder / "certificate").write_text("-----BEGIN CERTIFICATE-----\nMIIB\n")
    (folder / "folder").mkdir()
    named = ("text", "bytes", "cut", "cut.pub", "certificate", "folder")
    return {name: folder / name for name in named} | {
        "public": write_public(folder / "public", key),
        "private": write_private(folder / "private", key),
        "password": write_private(folder / "password", key, b"secret"),
        "rsa": write_private(folder / "rsa", rsa.generate_private_key(65537, 2048)),
        "rsa.pub": write_public(folder / "rsa.pub", rsa.generate_private_key(65537, 2048)),
        "ed25519": write_private(folder / "ed25519", ed25519.Ed25519PrivateKey.generate()),
        "curve": write_private(folder / "curve", ec.generate_private_key(ec.SECP256K1())),
        "missing": folder / "none",
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("public", "holds a public key, the private one is expected"),
        ("password", "holds a key with a password, one without is expected: openssl pkey"),
        ("rsa", "holds a key of RSA, one of an elliptic curve, P-256, P-384, P-521, is expected"),
        ("ed25519", "holds a key of Ed25519, one of an elliptic curve"),
        ("curve", "holds a key of secp256k1, one of an elliptic curve"),
        ("text", "holds no key in PEM, a private key is expected: avemo registry keygen"),
        ("bytes", "holds no key in PEM"),
        ("cut", "holds no key in PEM"),
        ("certificate", "holds a public key, the private one is expected"),
        ("missing", "cannot be read: No such file or directory; a key is expected"),
        ("folder", "cannot be read: Is a directory"),
    ],
)
def test_what_cannot_sign_is_a_sentence(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(AvemoError, match=message) as caught:
        read_private_key(bad_keys(tmp_path)[name])
    assert "\n" not in str(caught.value)


def test_a_certificate_is_its_key_from_its_first_day_to_its_last(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    own = read_public_key(write_public(tmp_path / "owner.pub", key))
    certified = read_public_key(write_certificate(tmp_path / "owner.crt", key))
    assert certified.fingerprint == own.fingerprint
    assert own.find_validity_problem() == ""
    for day, problem in (
        (START - timedelta(seconds=1), "holds from 2026-01-01 00:00 UTC on"),
        (START, ""),
        (END, ""),
        (END + timedelta(seconds=1), "expired on 2026-02-01 00:00 UTC"),
    ):
        text = certified.find_validity_problem(day)
        assert text == (f"the certificate {tmp_path / 'owner.crt'} {problem}" if problem else "")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("private", "holds a private key, a public one is expected: openssl pkey -in"),
        ("password", "holds a private key, a public one is expected"),
        ("certificate", "holds a damaged certificate, a public key is expected"),
        ("rsa.pub", "holds a key of RSA, one of an elliptic curve"),
        ("text", "holds no key in PEM, a public key is expected"),
        ("bytes", "holds no key in PEM"),
        ("cut.pub", "holds no key in PEM"),
        ("missing", "cannot be read: No such file or directory"),
        ("folder", "cannot be read: Is a directory"),
    ],
)
def test_what_cannot_be_required_is_a_sentence(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(AvemoError, match=message) as caught:
        read_public_key(bad_keys(tmp_path)[name])
    assert "\n" not in str(caught.value)


def test_the_command_line_counts_before_the_setting(tmp_path: Path) -> None:
    named, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    write_public(tmp_path / "named.pub", named)
    write_public(tmp_path / "set.pub", other)
    assert find_required_key(None, "", tmp_path) is None
    setting = find_required_key(None, "set.pub", tmp_path)
    option = find_required_key(tmp_path / "named.pub", "set.pub", tmp_path)
    assert setting == read_public_key(tmp_path / "set.pub")
    assert option == read_public_key(tmp_path / "named.pub")
    with pytest.raises(AvemoError, match=r"none\.pub cannot be read"):
        find_required_key(None, "none.pub", tmp_path)
