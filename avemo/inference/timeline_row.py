"""One row of a timeline: what a model predicts for a stretch of a clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ..media.span import Span
from ..modalities import Modality

__all__ = ["Box", "TimelineRow"]

#: left, top, right and bottom of a face, as shares of the picture's width and height, 0 to 1
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class TimelineRow:
    """What a model predicts for a stretch of a clip, or why it predicts nothing.

    The rows of a track, and those without a face, do not overlap. A stretch with nothing to predict
    from is a row too: it has a finding, and no probabilities.

    Args:
        span: the stretch that the row stands for
        window: what the prediction was computed from; it is longer than `span` and has the same
            middle, except at the clip's start and end
        track: number of the face's track, from 0; None for sound alone
        probabilities: by emotion, likeliest first; empty where there is a finding
        modality: what the prediction comes from; None where there is a finding
        speaking: whether the sound is this face's; None where that is not known
        unsure: the prediction is less certain than the model's threshold, see `Abstention`
        emotions: the conformal set of emotions; empty where none was asked for
        box: the face in the middle of the window; None for sound alone
        voiced: the share of the window in which something is heard, 0 to 1
        finding: what is wrong with the window, see `errors.MediaError`; empty where nothing is
        reason: in a sentence; with probabilities, why they come from sound or picture alone
        adaptation: what of the person it is adapted to, see `Prediction`; empty where it is not
    """

    span: Span
    window: Span
    track: int | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)
    modality: Modality | None = None
    speaking: bool | None = None
    unsure: bool = False
    emotions: tuple[str, ...] = ()
    box: Box | None = None
    voiced: float = 0.0
    finding: str = ""
    reason: str = ""
    adaptation: str = ""

    def __post_init__(self) -> None:
        ranked = sorted(self.probabilities.items(), key=lambda item: -item[1])
        object.__setattr__(self, "probabilities", dict(ranked))

    @property
    def emotion(self) -> str:
        """The likeliest emotion; empty where there is a finding."""
        return next(iter(self.probabilities), "")

    @property
    def probability(self) -> float | None:
        """The probability of the likeliest emotion; None where there is a finding."""
        return next(iter(self.probabilities.values()), None)

    def to_dict(self) -> dict[str, object]:
        """Return the row as JSON holds it: times in seconds, beside the exact fractions."""
        return {
            "start": float(self.span.start),
            "end": float(self.span.end),
            "track": self.track,
            "emotion": self.emotion,
            "probability": self.probability,
            "unsure": self.unsure,
            "emotions": list(self.emotions),
            "probabilities": dict(self.probabilities),
            "modality": self.modality,
            "speaking": self.speaking,
            "box": None if self.box is None else list(self.box),
            "voiced": self.voiced,
            "finding": self.finding,
            "reason": self.reason,
            "adaptation": self.adaptation,
            "window_start": float(self.window.start),
            "window_end": float(self.window.end),
            "exact": [str(moment) for moment in (*_ends(self.span), *_ends(self.window))],
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> TimelineRow:
        """Return the row that `to_dict` wrote, of this or of another version."""
        start, end, window_start, window_end = map(Fraction, fields["exact"])
        return cls(
            span=Span(start, end),
            window=Span(window_start, window_end),
            track=fields["track"],
            probabilities=fields["probabilities"],
            modality=fields["modality"],
            speaking=fields["speaking"],
            unsure=fields["unsure"],
            emotions=tuple(fields["emotions"]),
            box=None if fields["box"] is None else tuple(fields["box"]),
            voiced=fields["voiced"],
            finding=fields["finding"],
            reason=fields["reason"],
            adaptation=fields.get("adaptation", ""),
        )


def _ends(span: Span) -> tuple[Fraction, Fraction]:
    return span.start, span.end
