"""The history of a champion as lines of text, and as an Atom feed (RFC 4287)."""

import re
from collections.abc import Mapping, Sequence
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree

from .history import Move

__all__ = ["ATOM_TYPE", "describe_check", "describe_move", "render_feed", "render_line"]

ATOM_TYPE = "application/atom+xml"
_ATOM = "http://www.w3.org/2005/Atom"
#: of a feed without a move
_NEVER = "1970-01-01T00:00:00+00:00"
#: what XML 1.0 has no place for
_NO_TEXT = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def describe_move(move: Move) -> str:
    """Return what moved, such as `promote: version 1 to 2`."""
    kind = "moved outside avemo" if move.kind == "outside" else move.kind
    versions = f"to {move.target or 'none'}"
    if move.source:
        versions = f"version {move.source} {versions}"
    return f"{kind}: {versions}{'' if move.state == 'done' else f', {move.state}'}"


def describe_check(move: Move) -> str:
    """Return what the gate said; empty where it was not asked."""
    if move.kind != "outside":
        return f"check {move.check}" * bool(move.check)
    if not move.target:
        return ""
    result = move.check.replace("refused", "failed", 1) or "not judged yet"
    return f"gate: {result}"


def render_line(name: str, move: Move) -> str:
    """Return a move as one line.

    Args:
        name: of the registered model
        move: of its champion
    """
    fields = [move.time, name, describe_move(move), f"by {move.who}", describe_check(move)]
    fields.append(f"reason: {move.reason}" * bool(move.reason))
    return "  ".join(filter(None, fields))


def render_feed(
    histories: Mapping[str, Sequence[Move]], links: Mapping[str, str] | None = None
) -> str:
    """Return the moves of registered models as an Atom feed, the newest first.

    A move keeps its id, so that a reader shows it once.

    Args:
        histories: the moves by registered model
        links: where the feed and its page are, by `self` and `alternate`
    """
    ElementTree.register_namespace("", _ATOM)
    names = " ".join(sorted(histories))
    entries = [(name, move) for name, moves in histories.items() for move in moves]
    entries.sort(key=lambda entry: (entry[1].time, entry[1].number), reverse=True)
    feed = ElementTree.Element(f"{{{_ATOM}}}feed")
    _add(feed, "id", _urn(f"feed {names}"))
    _add(feed, "title", f"avemo: champions of {names.replace(' ', ', ')}")
    _add(feed, "updated", max((move.time for _, move in entries), default=_NEVER))
    _add(_add(feed, "author"), "name", "avemo")
    for relation, address in (links or {}).items():
        _add(feed, "link", rel=relation, href=address)
    for name, move in entries:
        entry = _add(feed, "entry")
        _add(entry, "id", _urn(f"{name} {move.number} {move.kind} {move.source} {move.target}"))
        _add(entry, "title", f"{name}: {describe_move(move)}")
        _add(entry, "updated", move.time)
        _add(_add(entry, "author"), "name", move.who)
        _add(entry, "category", term=move.kind)
        _add(entry, "content", render_line(name, move), type="text")
    ElementTree.indent(feed)
    text = ElementTree.tostring(feed, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _add(
    parent: ElementTree.Element, name: str, text: str = "", **attributes: str
) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
    element.text = _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", text) or None
    return element


def _urn(text: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'avemo:{text}')}"
