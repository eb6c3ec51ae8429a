"""Timelines as a model would give them, made by hand."""

from fractions import Fraction

from hypothesis import strategies as st

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.inference.timeline_row import TimelineRow
from avemo.media.span import Span
from avemo.serving.exports import ExportContext

CONTEXT = ExportContext("interview.mp4", "avemo-fused version 3", EMOTIONS, 3.0, 1.0)


def new_row(
    start: Fraction | float,
    end: Fraction | float,
    emotion: str = "",
    *,
    track: int | None = 0,
    unsure: bool = False,
) -> TimelineRow:
    """Return a row; without an emotion, a gap."""
    span = Span(Fraction(start), Fraction(end))
    if not emotion:
        return TimelineRow(span, span, track, finding="no-face", reason="nobody is seen")
    others = {name: 0.3 / 7 for name in EMOTIONS if name != emotion}
    return TimelineRow(
        span,
        Span(max(Fraction(0), span.start - 1), span.end + 1),
        track,
        probabilities={emotion: 0.7} | others,
        modality="fused",
        speaking=track == 0,
        unsure=unsure,
        emotions=(emotion, "calm") if unsure else (emotion,),
        box=None if track is None else (0.1, 0.2, 0.5, 0.75),
        voiced=0.875,
    )


#: of a file whose emotions change, with a gap, a stretch that is not sure, and two faces
ROWS = [
    new_row(0, Fraction(1001, 1000), "happy"),
    new_row(Fraction(1001, 1000), 2, "happy"),
    new_row(2, 3),
    new_row(3, 4, "sad", unsure=True),
    new_row(4, Fraction(14, 3), "sad"),
    new_row(1, Fraction(14, 3), "angry", track=1),
]


@st.composite
def timelines(draw: st.DrawFn) -> list[TimelineRow]:
    """Draw rows of several tracks; those of a track follow each other, at any exact times."""
    steps = st.fractions(Fraction(1, 1000), 90, max_denominator=90_000)
    tracks = draw(st.lists(st.sampled_from([None, 0, 1, 7]), min_size=1, max_size=3, unique=True))
    rows = []
    for track in tracks:
        moment = draw(st.fractions(0, 4000, max_denominator=90_000))
        for step in draw(st.lists(steps, max_size=12)):
            emotion = draw(st.sampled_from(["", *EMOTIONS[:3]]))
            unsure = bool(emotion) and draw(st.booleans())
            rows.append(new_row(moment, moment + step, emotion, track=track, unsure=unsure))
            moment += step
    return sorted(rows, key=lambda row: row.span)


#: names that a file may have: any character but a slash and NUL
FILE_NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40
) | st.sampled_from(
    ['100 %, "yes".mp4', "Übung\nzwei.mp4", "a-->b.mp4", "=1+1.csv", "a\r.wav", "#1\t;.webm"]
)
