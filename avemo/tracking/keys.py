"""Key files for signatures: elliptic curves that OpenSSF Model Signing takes, in PEM."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ..errors import AvemoError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

__all__ = [
    "PrivateKey",
    "PublicKey",
    "find_required_key",
    "generate_key_pair",
    "read_private_key",
    "read_public_key",
]

#: by the name that cryptography has for them
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
#: a key file has some hundred
_MAX_BYTES = 100_000


@dataclass(frozen=True)
class PublicKey:
    """A public key that signatures are checked with.

    Args:
        pem: the key, as `model_signing` hashes it
        source: its file, for messages
        validity: from when to when a certificate vouches for it; None of a key without one
    """

    pem: bytes
    source: str
    validity: tuple[datetime, datetime] | None = None

    @property
    def fingerprint(self) -> str:
        """The SHA-256 by which a signature names the key, in hexadecimal digits."""
        return hashlib.sha256(self.pem).hexdigest()

    def find_validity_problem(self, now: datetime | None = None) -> str:
        """Return in words why the key's certificate does not hold; empty where it does.

        Args:
            now: with a time zone; by default the current time
        """
        if self.validity is None:
            return ""
        start, end = self.validity
        now = now or datetime.now(UTC)
        if now < start:
            return f"the certificate {self.source} holds from {start:%Y-%m-%d %H:%M} UTC on"
        if now > end:
            return f"the certificate {self.source} expired on {end:%Y-%m-%d %H:%M} UTC"
        return ""

    def verifies(self, signature: bytes, content: bytes) -> bool:
        """Return whether the key's private half signed a content.

        Args:
            signature: by ECDSA, in DER
            content: the bytes that it is of
        """
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        key = load_pem_public_key(self.pem)
        assert isinstance(key, EllipticCurvePublicKey)
        try:
            key.verify(signature, content, ECDSA(_hash_of(key.curve.key_size)))
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        return f"{self.source} ({self.fingerprint[:12]})"


@dataclass(frozen=True)
class PrivateKey:
    """A key that signs.

    Args:
        file: in PEM, without a password
        public: its public half
    """

    file: Path
    public: PublicKey

    def sign(self, content: bytes) -> bytes:
        """Return the signature of a content, by ECDSA, in DER."""
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

        key = _load_private_key(self.file)
        return key.sign(content, ECDSA(_hash_of(key.curve.key_size)))


def find_required_key(option: Path | None, setting: str, root: Path | None) -> PublicKey | None:
    """Return the key that a version must be signed with; None where no key is required.

    Args:
        option: the key file that the command line names, which counts before the setting
        setting: the key file that params.yaml names, from the project's folder; may be empty
        root: the project's folder; None outside a project

    Raises:
        AvemoError: the file holds no public key
    """
    if option is not None:
        return read_public_key(option)
    if setting:
        return read_public_key((root or Path()) / setting)
    return None


def read_public_key(file: Path) -> PublicKey:
    """Read a public key, or the one in an X.509 certificate.

    Who issued the certificate is not looked at: whoever names the file trusts it, as a key.

    Raises:
        AvemoError: the file holds no public key of a supported curve
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from cryptography.x509 import load_pem_x509_certificate

    content = _read(file)
    if b"PRIVATE KEY" in content:
        _refuse(file, "a private key", "a public one", f"openssl pkey -in {file} -pubout")
    if b"BEGIN CERTIFICATE" in content:
        try:
            certificate = load_pem_x509_certificate(content)
            public = _public_key(certificate.public_key(), file)
        except (ValueError, UnsupportedAlgorithm):
            _refuse(file, "a damaged certificate", "a public key", "ask its owner for it again")
        return replace(
            public, validity=(certificate.not_valid_before_utc, certificate.not_valid_after_utc)
        )
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        _refuse(file, "no key in PEM", "a public key", "avemo registry keygen")
    return _public_key(key, file)


def read_private_key(file: Path) -> PrivateKey:
    """Read a private key.

    Raises:
        AvemoError: the file holds no private key of a supported curve, or one with a password
    """
    return PrivateKey(file, _public_key(_load_private_key(file).public_key(), file))


def generate_key_pair(private: Path, public: Path) -> PublicKey:
    """Write a new pair of keys on the curve P-256; the private one is for its owner's eyes alone.

    Args:
        private: a file that does not exist yet
        public: likewise

    Raises:
        AvemoError: a file exists or cannot be written
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    own = _public_key(key.public_key(), public)
    for file in (private, public):
        if file.exists() or file.is_symlink():
            raise AvemoError(f"{file} exists, and a key is never overwritten: name another file")
    with _new_file(private, pem, 0o600), _new_file(public, own.pem, 0o644):
        return own


def _load_private_key(file: Path) -> "EllipticCurvePrivateKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content = _read(file)
    if b"PUBLIC KEY" in content or b"BEGIN CERTIFICATE" in content:
        _refuse(file, "a public key", "the private one", "name the file that it was made with")
    try:
        key = load_pem_private_key(content, None)
    except TypeError:
        way_out = f"openssl pkey -in {file} -out KEY takes the password away"
        _refuse(file, "a key with a password", "one without", way_out)
    except (ValueError, UnsupportedAlgorithm):
        _refuse(file, "no key in PEM", "a private key", "avemo registry keygen")
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name not in _CURVES:
        _refuse_kind(file, key)
    return key


@contextmanager
def _new_file(file: Path, content: bytes, mode: int) -> Iterator[None]:
    """Write a file for the block; it goes again where the block fails."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(descriptor, "wb") as stream:  # noqa: PTH123  # of a descriptor
            stream.write(content)
    except OSError as error:
        raise AvemoError(f"{file} cannot be written: {error.strerror}") from None
    try:
        yield
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(_MAX_BYTES)
    except OSError as error:
        raise AvemoError(f"{file} cannot be read: {error.strerror}; a key is expected") from None


def _public_key(key: object, file: Path) -> PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        _refuse_kind(file, key)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(pem, str(file))


def _hash_of(key_bits: int) -> "HashAlgorithm":
    """Return the hash that Sigstore pairs with a curve, by the size of its keys."""
    from cryptography.hazmat.primitives import hashes

    return {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key_bits]


def _refuse_kind(file: Path, key: object) -> NoReturn:
    curve = getattr(getattr(key, "curve", None), "name", "")
    kind = curve or type(key).__name__.removesuffix("PublicKey").removesuffix("PrivateKey")
    expected = f"one of an elliptic curve, {', '.join(_CURVES.values())},"
    _refuse(file, f"a key of {kind.strip('_')}", expected, "avemo registry keygen")


def _refuse(file: Path, kind: str, expected: str, way_out: str) -> NoReturn:
    raise AvemoError(f"{file} holds {kind}, {expected} is expected: {way_out}")
