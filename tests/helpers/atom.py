"""What RFC 4287 asks of a feed."""

from datetime import datetime
from xml.etree import ElementTree

__all__ = ["ATOM", "require_valid_feed"]

ATOM = "{http://www.w3.org/2005/Atom}"


def require_valid_feed(text: str) -> list[ElementTree.Element]:
    """Return the entries of a feed, after a check of what each element must have."""
    feed = ElementTree.fromstring(text)
    assert feed.tag == f"{ATOM}feed"
    entries = feed.findall(f"{ATOM}entry")
    for element in (feed, *entries):
        for name in ("id", "title", "updated"):
            (child,) = element.findall(f"{ATOM}{name}")  # one of each, and not empty
            assert child.text
        assert ":" in (element.findtext(f"{ATOM}id") or "")  # an IRI
        updated = datetime.fromisoformat(element.findtext(f"{ATOM}updated") or "")
        assert updated.tzinfo is not None
        (author,) = element.findall(f"{ATOM}author")
        assert author.findtext(f"{ATOM}name")
    for entry in entries:
        assert entry.find(f"{ATOM}content") is not None or entry.find(f"{ATOM}link") is not None
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(set(ids)) == len(ids)
    times = [entry.findtext(f"{ATOM}updated") or "" for entry in entries]
    assert feed.findtext(f"{ATOM}updated") == max(times, default="1970-01-01T00:00:00+00:00")
    return entries
