"""X.509 certificates of test keys."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["END", "START", "write_certificate"]

#: of a certificate that has expired
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


def write_certificate(
    file: Path, key: ec.EllipticCurvePrivateKey, start: datetime = START, end: datetime = END
) -> Path:
    """Write a certificate that a key issued for itself."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "owner")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, end)
    certificate = builder.sign(key, hashes.SHA256())
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return file
