"""`shadow.json`: how a version answered beside the champion, for the same requests.

`avemo serve --shadow` writes it, the gate and `avemo registry shadow` read it. It stands among the
version's files; neither checksums nor a signature cover it, because it comes later. It holds counts
and figures of many clips, and nothing of a single one.
"""

from pathlib import Path
from typing import NamedTuple, Self

from pydantic import Field, model_validator

from ..errors import AvemoError
from ..records import Interval
from ..schema import Record, Value
from ..settings import ShadowLimits
from ..tracking.integrity import SHADOW_FILE
from ..tracking.lookup import version_label
from .limit import Limit

__all__ = [
    "ANSWERED",
    "FAILED",
    "ComparedClip",
    "ComparedVersion",
    "Costs",
    "FindingPair",
    "ShadowClips",
    "ShadowCounts",
    "ShadowFigures",
    "ShadowReport",
    "find_shadow_problem",
    "read_report",
]

#: in place of a finding: the clip has an emotion
ANSWERED = "answered"
#: in the place of the candidate's answer: there is none, or no sound one
FAILED = "failed"
_AGAIN = "compare again: avemo serve --shadow candidate"


class ComparedVersion(Value):
    """One of the two versions.

    Args:
        name: of the registered model
        number: of the version
        seal: the checksum of its files' checksums: another registry may give another number
    """

    name: str
    number: str
    seal: str

    @property
    def label(self) -> str:
        """`avemo-fused version 3`, as people read it."""
        return version_label(self.name, self.number)


class ShadowCounts(Value):
    """What became of each clip that the champion answered.

    Args:
        requests: clips that the champion answered
        not_drawn: are not in the sample
        waiting: for the candidate, when the report was written
        compared: the candidate answered, too
        dropped: by reason, those of the sample that the candidate was not asked for
        failed: by reason, those that it was asked for and gave no answer, or no sound one
    """

    requests: int = Field(ge=0)
    not_drawn: int = Field(ge=0)
    waiting: int = Field(ge=0)
    compared: int = Field(ge=0)
    dropped: dict[str, int]
    failed: dict[str, int]

    @property
    def drawn(self) -> int:
        """How many clips are in the sample."""
        return self.requests - self.not_drawn

    @property
    def attempts(self) -> int:
        """How many clips the candidate was asked for."""
        return self.compared + sum(self.failed.values())

    @model_validator(mode="after")
    def _add_up(self) -> Self:
        parts = self.not_drawn + self.waiting + self.attempts + sum(self.dropped.values())
        if parts != self.requests:
            raise ValueError(f"its counts add up to {parts} clips, not to {self.requests}")
        return self


class ComparedClip(NamedTuple):
    """A clip that the candidate was asked for, too.

    Args:
        source: its number; clips of one source are alike
        champion_emotion: the answer; empty where there is a finding
        champion_finding: why there is no emotion; else empty
        candidate_emotion: likewise
        candidate_finding: likewise
        failure: why the candidate's answer does not count; else empty
        distance: total variation of the probabilities, from 0 to 1; None where neither has any
        champion_answer_s: from the worker's start to the answer
        champion_processor_s: processor time of the thread that answered, without decoding
        candidate_answer_s: the same; None where it failed
        candidate_processor_s: the same; None where it failed
    """

    source: int
    champion_emotion: str
    champion_finding: str
    candidate_emotion: str
    candidate_finding: str
    failure: str
    distance: float | None
    champion_answer_s: float
    champion_processor_s: float
    candidate_answer_s: float | None = None
    candidate_processor_s: float | None = None


class ShadowClips(Value):
    """What a service has noted of a comparison, from which the report is made.

    Args:
        champion: that answered the requests
        candidate: that was asked beside it
        started_at: when the comparison began, in UTC, ISO 8601
        share: of the clips, that the sample is drawn with
        counts: of all clips
        clips: that the candidate was asked for
    """

    champion: ComparedVersion
    candidate: ComparedVersion
    started_at: str
    share: float
    counts: ShadowCounts
    clips: list[ComparedClip]


class Costs(Value):
    """What an answer of one version takes, in the mean.

    Args:
        answer_s: seconds; the candidate's are of a process that yields to all others
        processor_s: seconds of the processor for the thread that answers, without decoding
    """

    answer_s: Interval
    processor_s: Interval


class FindingPair(Value):
    """How often the two versions found one thing and the other.

    Args:
        champion: its finding, or `answered`
        candidate: likewise, or `failed`
        clips: how many
    """

    champion: str
    candidate: str
    clips: int


class ShadowFigures(Value):
    """How near the candidate's answers are to the champion's; intervals are drawn over sources.

    Args:
        agreement: the share of clips with the same answer: emotion or finding
        kappa: Cohen's: agreement beyond that of chance; None where all answers are the same
        distance: the mean total variation of the probabilities; 1 where one of the two has none;
            None where neither ever has any
        distance_q95: the distance that 95 % of the clips keep below
        champion: what its answers take
        candidate: likewise; None where it failed every time
    """

    agreement: Interval
    kappa: Interval | None
    distance: Interval | None
    distance_q95: Interval | None
    champion: Costs
    candidate: Costs | None

    @property
    def clips(self) -> int:
        """How many clips they are of."""
        return self.agreement.performances

    @property
    def sources(self) -> int:
        """How many sources the clips are of."""
        return self.agreement.actors


class ShadowReport(Record):
    """`shadow.json`.

    Args:
        champion: that answered the requests
        candidate: that was asked beside it
        started_at: when the comparison began, in UTC, ISO 8601
        written_at: when the report was written, likewise
        share: of the clips, that the sample is drawn with
        confidence: of the intervals
        counts: what became of the requests
        figures: of the clips that at least one of the two gave an emotion for, and of failures;
            None where there is no such clip yet
        by_finding: the same by what the champion found, `answered` where it gave an emotion
        findings: which findings stand against each other
    """

    champion: ComparedVersion
    candidate: ComparedVersion
    started_at: str
    written_at: str
    share: float
    confidence: float
    counts: ShadowCounts
    figures: ShadowFigures | None
    by_finding: dict[str, ShadowFigures]
    findings: list[FindingPair]

    def outdates(self, other: "ShadowReport") -> bool:
        """Return whether it stands in the place of an earlier report.

        Of two comparisons of the same versions, such as by two services or by one that was started
        again, the one with more clips stays.
        """
        pairs = [(report.champion.seal, report.candidate.seal) for report in (self, other)]
        same = pairs[0] == pairs[1] and self.started_at != other.started_at
        return not same or self.counts.attempts >= other.counts.attempts


def read_report(folder: Path) -> ShadowReport | None:
    """Return the report among a version's files; None where it has none.

    Args:
        folder: the version's files

    Raises:
        AvemoError: it is cut or damaged, or of another release
    """
    file = folder / SHADOW_FILE
    if not file.is_file():
        return None
    try:
        return ShadowReport.read(file)
    except (AvemoError, UnicodeDecodeError):
        what = "is cut, damaged or of another release"
        raise AvemoError(f"its {SHADOW_FILE} {what}: {_AGAIN}") from None


def find_shadow_problem(
    report: ShadowReport | None, candidate_seal: str, champion_seal: str, limits: ShadowLimits
) -> str:
    """Return in words why a report tells too little of a candidate; empty where it tells enough.

    Args:
        report: of the candidate; None where it has none
        candidate_seal: the checksum of its files' checksums
        champion_seal: the same of the champion that it is to replace
        limits: of `promotion.shadow`
    """
    if report is None:
        return "it was not compared: avemo serve --shadow candidate"
    if report.candidate.seal != candidate_seal:
        return f"the report is of other files, version {report.candidate.number}: {_AGAIN}"
    if report.champion.seal != champion_seal:
        former = f"version {report.champion.number}"
        return f"it was compared with {former}, which is not the champion now: {_AGAIN}"
    clips, sources = (0, 0)
    if report.figures:
        clips, sources = report.figures.clips, report.figures.sources
    for count, what, least in (
        (clips, "clips", limits.min_compared),
        (sources, "sources", limits.min_sources),
    ):
        if not Limit("at least", least).allows(count):
            return f"{count:,} {what} are compared, {least:,} are needed: let it go on"
    return ""
