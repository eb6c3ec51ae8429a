"""A signature over every file of a registered version, in the format of OpenSSF Model Signing 1.0.

`model.sig` is a Sigstore bundle: in a DSSE envelope an in-toto statement that holds the SHA-256 of
each file, signed by an elliptic-curve key. Who changes files, `checksums.json` and the registry's
tags together has no key to sign with. `model_signing verify key` accepts it on a downloaded
version, and what `model_signing sign key` wrote is accepted here.

Formats: https://github.com/sigstore/model-transparency, https://github.com/secure-systems-lab/dsse.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from ..errors import AvemoError, join_names
from ..io import atomic_write
from .integrity import (
    CHECKSUMS_FILE,
    SIGNATURE_FILE,
    UNSIGNED,
    bytecode_folders,
    compute_sha256,
)
from .keys import PrivateKey, PublicKey

__all__ = [
    "SIGNER_TAG",
    "find_signature_problem",
    "require_signature",
    "sign_files",
]

#: of a signed version: the fingerprint of the key
SIGNER_TAG = "avemo.signed_by"

_BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
_PREDICATE_TYPE = "https://model_signing/signature/v1.0"
#: far above a signature of thousands of files
_MAX_BYTES = 50_000_000


class _Part(BaseModel):
    """A part of a bundle; fields that are not needed here are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class _PublicKeyHint(_Part):
    hint: str = Field(pattern="^[0-9a-f]{64}$")


class _VerificationMaterial(_Part):
    public_key: _PublicKeyHint
    tlog_entries: list[dict[str, object]] = Field(default_factory=list)


class _SignatureBytes(_Part):
    sig: str
    keyid: str = ""


class _Envelope(_Part):
    payload: str
    payload_type: str
    signatures: list[_SignatureBytes] = Field(min_length=1, max_length=1)


class _Bundle(_Part):
    media_type: str
    verification_material: _VerificationMaterial
    dsse_envelope: _Envelope


def sign_files(folder: Path, name: str, key: PrivateKey) -> Path:
    """Write `model.sig` beside a version's files, which are read in pieces.

    Args:
        folder: with the files
        name: of the model, for people who read the signature
        key: that signs

    Returns:
        the file
    """
    payload = json.dumps(_statement(_hash_files(folder), name), indent=1).encode()
    bundle = _Bundle(
        media_type=_BUNDLE_TYPE,
        verification_material=_VerificationMaterial(
            public_key=_PublicKeyHint(hint=key.public.fingerprint)
        ),
        dsse_envelope=_Envelope(
            payload=base64.b64encode(payload).decode(),
            payload_type=_PAYLOAD_TYPE,
            signatures=[_SignatureBytes(sig=base64.b64encode(key.sign(_encode(payload))).decode())],
        ),
    )
    file = folder / SIGNATURE_FILE
    with atomic_write(file) as temporary:
        temporary.write_text(bundle.model_dump_json(by_alias=True), encoding="utf-8")
    return file


def require_signature(folder: Path, key: PublicKey, label: str) -> None:
    """Refuse files that are not signed with a key.

    Args:
        folder: with a version's files
        key: of the owner
        label: of the version, for the message

    Raises:
        AvemoError: they are not, and why
    """
    if problem := find_signature_problem(folder, key):
        raise AvemoError(
            f"{label}: {problem}; a version is signed by whoever holds the private key: "
            "avemo registry sign"
        )


def find_signature_problem(folder: Path, key: PublicKey) -> str:
    """Return in words why files are not signed with a key; empty where they are.

    Args:
        folder: with a version's files
        key: of the owner
    """
    if problem := key.find_validity_problem():
        return problem
    file = folder / SIGNATURE_FILE
    if not file.is_file():
        return "it is not signed"
    if file.stat().st_size > _MAX_BYTES:
        return f"its signature {SIGNATURE_FILE} is damaged: it is too large"
    try:
        bundle = _Bundle.model_validate_json(file.read_bytes())
        payload = base64.b64decode(bundle.dsse_envelope.payload, validate=True)
        sig = base64.b64decode(bundle.dsse_envelope.signatures[0].sig, validate=True)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "it holds no JSON"
        return f"its signature {SIGNATURE_FILE} is damaged, or not by a key: {where}"
    except ValueError:
        return f"its signature {SIGNATURE_FILE} is damaged: it holds no base64"
    signer = bundle.verification_material.public_key.hint
    if signer != key.fingerprint:
        return f"it is signed with another key, {signer[:12]}, than {key}"
    types = (bundle.media_type, bundle.dsse_envelope.payload_type)
    if types != (_BUNDLE_TYPE, _PAYLOAD_TYPE) or not key.verifies(sig, _encode(payload)):
        return f"its signature {SIGNATURE_FILE} is forged or damaged: the key did not make it"
    return _compare(folder, payload)


def _compare(folder: Path, payload: bytes) -> str:
    """Return in words how a folder differs from a statement whose signature is valid."""
    try:
        signed = _signed_files(json.loads(payload))
    except (ValueError, LookupError, TypeError):
        return f"its signature {SIGNATURE_FILE} is of no files by their SHA-256"
    if CHECKSUMS_FILE not in signed:
        return f"its signature {SIGNATURE_FILE} is of other files, not of a version"
    current = _hash_files(folder)
    changes = [
        f"{name} is {'changed' if name in current else 'missing'}"
        for name, digest in signed.items()
        if current.get(name) != digest
    ] + [f"{name} is new" for name in current if name not in signed]
    return f"its files are not those that were signed: {join_names(changes)}" * bool(changes)


def _statement(digests: dict[str, str], name: str) -> dict[str, object]:
    """Return the in-toto statement of Model Signing about files."""
    root = hashlib.sha256(b"".join(map(bytes.fromhex, digests.values())))
    return {
        "_type": _STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": root.hexdigest()}}],
        "predicateType": _PREDICATE_TYPE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": [*UNSIGNED, *bytecode_folders(digests)],
            },
            "resources": [
                {"name": file, "algorithm": "sha256", "digest": digest}
                for file, digest in digests.items()
            ],
        },
    }


def _signed_files(statement: dict[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of each file in a statement.

    Raises:
        ValueError, LookupError, TypeError: it is no statement of Model Signing 1.0 about files
    """
    if (statement["_type"], statement["predicateType"]) != (_STATEMENT_TYPE, _PREDICATE_TYPE):
        raise ValueError("it is another statement")
    predicate = statement["predicate"]
    if predicate["serialization"]["method"] != "files":
        raise ValueError("it is about pieces of files")
    resources = predicate["resources"]
    if any(entry["algorithm"] != "sha256" for entry in resources):
        raise ValueError("it is about other checksums")
    return {entry["name"]: entry["digest"] for entry in resources if entry["name"] not in UNSIGNED}


def _hash_files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that a signature covers, by its path below the folder."""
    return {
        name: compute_sha256(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and (name := file.relative_to(folder).as_posix()) not in UNSIGNED
    }


def _encode(payload: bytes) -> bytes:
    """Return what is signed in place of a payload: DSSE's pre-authentication encoding."""
    header = f"DSSEv1 {len(_PAYLOAD_TYPE)} {_PAYLOAD_TYPE} {len(payload)} "
    return header.encode() + payload
