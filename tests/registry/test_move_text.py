"""The history as lines and as a feed that any reader takes, whatever somebody gave as a reason."""

from helpers.atom import ATOM, require_valid_feed
from hypothesis import given
from hypothesis import strategies as st

from avemo.registry.history import Kind, Move
from avemo.registry.move_text import render_feed, render_line

ANY = st.characters(exclude_categories=())
TIME = "2025-01-02T03:04:05+00:00"


def new_move(
    number: int = 1,
    kind: Kind = "promote",
    *,
    time: str = TIME,
    who: str = "Ada (ada@host)",
    source: str = "1",
    target: str = "2",
    reason: str = "",
    check: str = "",
) -> Move:
    return Move(number, time, who, kind, source, target, reason, check, "done")


def test_a_line_says_who_moved_what_and_why() -> None:
    move = new_move(reason="a trial", check="refused: UAR")
    assert render_line("avemo-audio", move) == (
        f"{TIME}  avemo-audio  promote: version 1 to 2  by Ada (ada@host)  "
        "check refused: UAR  reason: a trial"
    )
    first = new_move(kind="register", source="").with_state("interrupted")
    assert "register: to 2, interrupted  by" in render_line("avemo-audio", first)


def test_a_move_outside_avemo_is_told_apart() -> None:
    def line(check: str = "", target: str = "2") -> str:
        move = new_move(kind="outside", who="unknown", check=check, target=target)
        return render_line("avemo-audio", move)

    begin = f"{TIME}  avemo-audio  moved outside avemo: version 1 to"
    assert line() == f"{begin} 2  by unknown  gate: not judged yet"
    assert line(check="passed") == f"{begin} 2  by unknown  gate: passed"
    assert line(check="refused: UAR, size") == f"{begin} 2  by unknown  gate: failed: UAR, size"
    assert line(target="") == f"{begin} none  by unknown"


def test_a_feed_has_the_newest_first_and_links() -> None:
    moves = [new_move(1, time="2025-01-01T00:00:00+00:00"), new_move(2, kind="outside")]
    links = {"self": "registry.atom", "alternate": "registry"}
    feed = render_feed({"avemo-audio": moves, "avemo-fused": [new_move(1, "rollback")]}, links)
    entries = require_valid_feed(feed)
    titles = [entry.findtext(f"{ATOM}title") for entry in entries]
    assert titles == [
        "avemo-audio: moved outside avemo: version 1 to 2",
        "avemo-fused: rollback: version 1 to 2",
        "avemo-audio: promote: version 1 to 2",
    ]
    assert '<link rel="self" href="registry.atom" />' in feed
    assert require_valid_feed(render_feed({"avemo-audio": []})) == []


def test_a_judgement_does_not_make_a_move_a_new_one() -> None:
    ids = [
        require_valid_feed(render_feed({"a": [new_move(kind="outside", check=check, time=time)]}))[
            0
        ].findtext(f"{ATOM}id")
        for check, time in (("", TIME), ("passed", "2025-02-02T00:00:00+00:00"))
    ]
    assert ids[0] == ids[1]


@given(reason=st.text(ANY), who=st.text(ANY, min_size=1))
def test_any_text_makes_a_valid_feed(reason: str, who: str) -> None:
    """Names and reasons may hold what XML does not: markup, escape codes, lone surrogates."""
    feed = render_feed({"avemo-audio": [new_move(reason=reason, who=who)]})
    (entry,) = require_valid_feed(feed)
    if reason.isprintable() and reason.strip():
        assert f"reason: {reason}" in (entry.findtext(f"{ATOM}content") or "")


def test_markup_in_a_reason_stays_text() -> None:
    reason = "<script>alert(1)</script> & \x1b[31m"
    (entry,) = require_valid_feed(render_feed({"avemo-audio": [new_move(reason=reason)]}))
    content = entry.find(f"{ATOM}content")
    assert content is not None
    assert list(content) == []
    assert (content.text or "").endswith("reason: <script>alert(1)</script> & \ufffd[31m")
