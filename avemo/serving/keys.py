"""The keys that a service accepts, from a file."""

from __future__ import annotations

import hashlib
import ipaddress
from pathlib import Path

from ..errors import SettingsError

__all__ = ["is_loopback", "read_keys", "read_secret"]

_MIN_LENGTH = 16


def read_keys(file: Path) -> tuple[bytes, ...]:
    """Return the SHA-256 of each key in a file: one a line, so that one can follow the other.

    Raises:
        SettingsError: the file cannot be read, or a key is too short to be none that is guessed
    """
    keys = [line.strip() for line in _read(file).splitlines() if line.strip()]
    if not keys or min(map(len, keys)) < _MIN_LENGTH:
        raise SettingsError(
            f"{file}: a key a line is expected, each of {_MIN_LENGTH} characters or more: "
            f"openssl rand -hex 24 > {file}"
        )
    return tuple(hashlib.sha256(key.encode()).digest() for key in keys)


def read_secret(file: Path) -> str:
    """Return the secret of MLflow's webhook.

    Raises:
        SettingsError: the file cannot be read, or is empty
    """
    secret = _read(file).strip()
    if not secret:
        raise SettingsError(f"{file} is empty: the secret of the webhook is expected")
    return secret


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, which may mean any address
        return False


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise SettingsError(f"{file} cannot be read: {reason}") from None
