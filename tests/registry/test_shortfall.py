"""Whether a trained model is shown to be as good as the untrained prior."""

import pytest

from avemo.records import Interval
from avemo.registry.prior import describe_shortfall


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (None, "the test part has 0 actors, and fewer than 3 tell too little"),
        (Interval(0.5, actors=1), "the test part has 1 actor, and fewer than 3 tell too little"),
        (Interval(0.5, 0.4, 0.6, actors=2), "the test part has 2 actors, and fewer than 3"),
        (Interval(0.1, -0.05, 0.2, actors=3), ""),
        (Interval(0.0, 0.0, 0.0, actors=4), ""),
        (Interval(0.1, -0.06, 0.2, actors=4), "it cannot be told that it is no worse: UAR less"),
        (Interval(-0.2, -0.3, -0.1, actors=4), "the trained model is worse: UAR less the prior's"),
    ],
)
def test_what_a_difference_shows(difference: Interval | None, expected: str) -> None:
    reason = describe_shortfall(difference, 0.05)
    assert reason.startswith(expected)
    assert bool(reason) == bool(expected)
