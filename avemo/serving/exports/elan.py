"""ELAN's `.eaf`: a tier a track, with the clip linked."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import quote as percent_encode

from ...inference.timeline_row import TimelineRow
from .context import ExportContext, clean_line, quote
from .segments import join_equal

if TYPE_CHECKING:
    from pympi import Eaf

__all__ = ["chunks"]

#: what XML cannot hold
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def chunks(rows: Iterable[TimelineRow], context: ExportContext) -> Iterator[bytes]:
    """Yield the file at once; times are in milliseconds, and a gap has no annotation."""
    from pympi import Eaf, Elan

    document = Eaf(author="avemo")
    document.remove_tier("default")
    _link(document, context)
    for name, segments in join_equal(rows).items():
        document.add_tier(name)
        for segment in segments:
            start, end = segment.milliseconds
            if segment.label and start < end:
                document.add_annotation(name, start, end, segment.label)
    if not document.tiers:
        document.add_tier("sound")  # ELAN opens no document without a tier
    text: bytes = Elan.to_string(document, encoding="utf-8")
    yield text


def _link(document: Eaf, context: ExportContext) -> None:
    """Name the clip as ELAN itself does, which writes a path as it is.

    The properties hold the name as JSON, too: it survives with every character.
    """
    name = PurePath(context.file).name
    location = f"file://{context.location}" if context.location else f"./{name}"
    kind = mimetypes.guess_type(name)[0] or "unknown"
    document.add_linked_file(_for_xml(location), relpath=_for_xml(f"./{name}"), mimetype=kind)
    for key, value in (
        ("avemo.file", quote(context.file)),
        ("avemo.model", clean_line(context.model)),
        ("avemo.window_s", _number(context.window_s)),
        ("avemo.hop_s", _number(context.hop_s)),
        ("avemo.notice", clean_line(context.notice)),
        ("avemo.purpose", clean_line(context.purpose)),
    ):
        document.add_property(key, value)


def _for_xml(text: str) -> str:
    return _FORBIDDEN.sub(lambda match: percent_encode(match[0]), text)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
