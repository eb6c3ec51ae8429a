"""The comparison of two versions: what became of each clip, and how the answers differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from ...errors import AvemoError
from ...inference.prediction import Prediction
from ...registry.shadow_report import ComparedClip, ComparedVersion, ShadowClips, ShadowCounts
from ..versions.current import ServedVersion
from ..versions.example import Row, require_sound_answer
from .cost import AnswerCost
from .version import CandidateFailure

__all__ = ["Comparison", "read_answer", "total_variation"]


class Comparison:
    """The comparison of a champion with a candidate; it belongs to the event loop's thread.

    Args:
        champion: that answers
        candidate: that is asked beside it
        share: of the clips, that the sample is drawn with
    """

    def __init__(self, champion: ServedVersion, candidate: ServedVersion, share: float) -> None:
        self.champion, self.candidate = _identify(champion), _identify(candidate)
        self._share = share
        self._started_at = datetime.now(UTC).isoformat()
        self._sources: dict[bytes, int] = {}
        self._clips: list[ComparedClip] = []
        self.requests = self.not_drawn = self.waiting = 0
        self.dropped: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        #: what the last report was of
        self.written: ShadowCounts | None = None
        self.over = False

    @property
    def compared(self) -> int:
        """How many clips the candidate has answered."""
        return len(self._clips) - self.failed.total()

    def is_of(self, champion: ServedVersion, candidate: ServedVersion) -> bool:
        """Return whether it is the comparison of two versions."""
        return (self.champion, self.candidate) == (_identify(champion), _identify(candidate))

    def note_answer(
        self,
        source: bytes,
        champion: Prediction,
        cost: AnswerCost,
        own: Prediction,
        own_cost: AnswerCost,
    ) -> None:
        """Note that the candidate has answered a clip that waited.

        Args:
            source: of the clip
            champion: its answer
            cost: of that
            own: the candidate's answer
            own_cost: of that
        """
        self.waiting -= 1
        distance = None
        if champion.probabilities and own.probabilities:
            distance = total_variation(champion.probabilities, own.probabilities)
        elif champion.probabilities or own.probabilities:
            distance = 1.0
        self._clips.append(
            ComparedClip(
                self._number(source),
                champion.emotion,
                champion.finding,
                own.emotion,
                own.finding,
                "",
                distance,
                cost.answer_s,
                cost.processor_s,
                own_cost.answer_s,
                own_cost.processor_s,
            )
        )

    def note_failure(
        self, source: bytes, champion: Prediction, cost: AnswerCost, reason: str
    ) -> None:
        """Note that the candidate has failed on a clip that waited: it counts as another answer.

        Args:
            source: of the clip
            champion: its answer
            cost: of that
            reason: why, see `CandidateFailure`
        """
        self.waiting -= 1
        self.failed[reason] += 1
        self._clips.append(
            ComparedClip(
                self._number(source),
                champion.emotion,
                champion.finding,
                "",
                "",
                reason,
                1.0,
                cost.answer_s,
                cost.processor_s,
            )
        )

    def end(self) -> None:
        """Take no more clips; those that wait are dropped."""
        self.over = True
        if self.waiting:
            self.dropped["ended"] += self.waiting
            self.waiting = 0

    def counts(self) -> ShadowCounts:
        """Return what became of the clips until now."""
        return ShadowCounts(
            requests=self.requests,
            not_drawn=self.not_drawn,
            waiting=self.waiting,
            compared=self.compared,
            dropped=dict(self.dropped),
            failed=dict(self.failed),
        )

    def to_record(self) -> ShadowClips:
        """Return what the report is made from."""
        return ShadowClips(
            champion=self.champion,
            candidate=self.candidate,
            started_at=self._started_at,
            share=self._share,
            counts=self.counts(),
            clips=list(self._clips),
        )

    def _number(self, source: bytes) -> int:
        return self._sources.setdefault(source, len(self._sources))


def read_answer(row: Row, candidate: ServedVersion) -> Prediction:
    """Return the candidate's answer.

    Raises:
        CandidateFailure: it holds what is no number, is of other emotions than the version's, or
            is no answer at all
    """
    try:
        require_sound_answer(row, None)
        prediction = Prediction.from_row(row, model=candidate.description.label)
    except (AvemoError, LookupError, TypeError, ValueError):
        raise CandidateFailure("bad-answer") from None
    classes = set(candidate.description.classes)
    if prediction.probabilities and set(prediction.probabilities) != classes:
        raise CandidateFailure("bad-answer")
    return prediction


def total_variation(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """Return half the sum of how far the probabilities are apart: 0 for the same, 1 at most."""
    names = {*first, *second}
    return min(1.0, sum(abs(first.get(name, 0.0) - second.get(name, 0.0)) for name in names) / 2)


def _identify(served: ServedVersion) -> ComparedVersion:
    description = served.description
    return ComparedVersion(name=description.name, number=description.version, seal=served.seal)
