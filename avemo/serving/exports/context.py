"""What an export says beside its rows: which file, which model, and what it is not for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ..notice import NOTICE

__all__ = ["ExportContext"]


@dataclass(frozen=True)
class ExportContext:
    """What all rows of a timeline have in common.

    Args:
        file: the clip's name, with any character; bytes that are no UTF-8 are written as `\\udcXX`
        model: the registered version that predicted, `avemo-fused version 3`
        classes: the emotions that it tells apart, in its order; each is a column of a table
        window_s: length of a window; None where the version's own was used, and nobody says it
        hop_s: from the start of a window to that of the next; None likewise
        notice: what the predictions are, and what they are not for
        purpose: what the person who runs the model said it is used for; may be empty
        location: the clip's absolute path, for programs that open it; None where there is none
    """

    file: str
    model: str
    classes: tuple[str, ...]
    window_s: float | None = None
    hop_s: float | None = None
    notice: str = NOTICE
    purpose: str = ""
    location: Path | None = None

    def __post_init__(self) -> None:
        for name in ("file", "model", "notice", "purpose"):
            text: str = getattr(self, name)
            object.__setattr__(self, name, text.encode(errors="backslashreplace").decode())

    def header(self) -> dict[str, str | float | list[str] | None]:
        """Return the fields as JSON holds them."""
        return {
            "file": self.file,
            "model": self.model,
            "classes": list(self.classes),
            "window": self.window_s,
            "hop": self.hop_s,
            "notice": self.notice,
            "purpose": self.purpose,
        }

    def sentences(self) -> list[str]:
        """Return a line for each field, for formats that hold plain text; none holds a newline.

        No line contains `-->` or a control character, which WebVTT and XML cannot hold.
        """
        purpose = [f"Purpose: {clean_line(self.purpose)}"] if self.purpose else []
        windows = ""
        if self.window_s is not None and self.hop_s is not None:
            windows = f", in windows of {self.window_s:g} s every {self.hop_s:g} s"
        return [
            clean_line(self.notice),
            *purpose,
            f"File: {quote(self.file)}",
            f"Predicted by {clean_line(self.model)}{windows}.",
        ]


def quote(text: str) -> str:
    """Return text as a JSON string that XML and WebVTT can hold as it is."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(f"\\u{ord(sign):04x}" if _must_be_escaped(sign) else sign for sign in quoted)


def clean_line(text: str) -> str:
    """Return text on one line, without what XML and WebVTT cannot hold."""
    line = " ".join(text.split()).replace("-->", "->")
    return "".join(sign for sign in line if sign == ">" or not _must_be_escaped(sign))


def _must_be_escaped(sign: str) -> bool:
    return sign < " " or "\x7f" <= sign <= "\x9f" or sign in ">\u2028\u2029\ufeff\ufffe\uffff"
