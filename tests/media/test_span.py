"""Spans of time, and the windows that slide over a clip."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avemo.media.span import Span, Windows

seconds = st.fractions(min_value=0, max_value=100, max_denominator=90_000)
spans = st.tuples(seconds, seconds).map(lambda ends: Span(min(ends), max(ends)))


@given(spans, spans)
def test_what_two_spans_have_in_common_lies_in_both(first: Span, second: Span) -> None:
    common = first & second
    assert common.duration <= min(first.duration, second.duration)
    assert bool(common) == first.overlaps(second) == second.overlaps(first)
    if common:
        assert common.middle in first
        assert common.middle in second
    assert (first | second).duration >= max(first.duration, second.duration)


def test_a_span_that_would_end_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="from 2 to 1 would end before it starts"):
        Span(Fraction(2), Fraction(1))


@given(
    st.fractions(min_value=Fraction(1, 10), max_value=10, max_denominator=1000),
    st.fractions(min_value=Fraction(1, 20), max_value=1, max_denominator=20),
    st.fractions(min_value=Fraction(1, 1000), max_value=60, max_denominator=1000),
)
def test_the_parts_that_windows_stand_for_tile_a_clip(
    length: Fraction, share: Fraction, duration: Fraction
) -> None:
    windows = Windows(length, length * share)
    cells = list(windows.cells(duration))
    assert cells[0][1].start == 0
    assert cells[-1][1].end == duration
    for (_, cell), (_, following) in pairwise(cells):
        assert cell.end == following.start
    for number, (window, cell) in enumerate(cells):
        assert cell.middle in window
        assert window.end <= duration
        if 0 < number < len(cells) - 1:
            assert (cell.middle, cell.duration) == (window.middle, windows.hop)


@pytest.mark.parametrize(("length", "hop"), [(3, 0), (3, -1), (3, 4), (0, 0)])
def test_windows_that_would_leave_time_out_are_refused(length: int, hop: int) -> None:
    with pytest.raises(ValueError, match="a hop above 0 and at most the length"):
        Windows(Fraction(length), Fraction(hop))
