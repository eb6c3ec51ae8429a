"""What a request says of itself, as far as it is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ..asgi import Scope, header

__all__ = ["NOTICE_HEADER", "Inquiry"]

NOTICE_HEADER = "x-avemo-notice"
_WORDS = {"true": True, "false": False}


@dataclass(frozen=True)
class Inquiry:
    """A client's request for an answer.

    Args:
        notice: see `rows.RecordedAnswer`
    """

    notice: bool | None

    @classmethod
    def of(cls, scope: Scope) -> Self:
        """Return what the headers of a request say."""
        return cls(_WORDS.get((header(scope, NOTICE_HEADER) or "").strip().lower()))
