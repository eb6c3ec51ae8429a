"""Names of people: text in any script, which never becomes a part of a path."""

from __future__ import annotations

import hashlib
import unicodedata

from ...errors import SettingsError

__all__ = ["MAX_LENGTH", "file_stem", "normalise_name"]

#: in characters
MAX_LENGTH = 100
#: categories of Unicode that a name has none of: controls, halves of characters, ends of lines
_REFUSED = ("Cc", "Cs", "Zl", "Zp")
#: turn the direction of what stands around them, so that a name could look like another text
_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_SEPARATORS = "/\\"


def normalise_name(text: str) -> str:
    """Return a name as it is compared: composed (NFC), and without space around it.

    Raises:
        SettingsError: it is empty, too long, or has a character that no name has
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not name or len(name) > MAX_LENGTH:
        raise SettingsError(
            f"a speaker's name of {len(name)} characters: 1 to {MAX_LENGTH} are expected"
        )
    if any(unicodedata.category(c) in _REFUSED or c in _DIRECTIONS for c in name):
        raise SettingsError(
            "a speaker's name with a control character: letters, digits, spaces and marks are "
            "expected"
        )
    if name in (".", "..") or any(c in name for c in _SEPARATORS):
        raise SettingsError(
            f"{name} reads like a path: a speaker's name without / and \\ is expected"
        )
    return name


def file_stem(text: str) -> str:
    """Return the beginning of a file's name that stands for a text, of which nothing is read."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
