"""Stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["SpeakerStatistics"]


@dataclass(frozen=True)
class SpeakerStatistics:
    """Stand-in."""

    space: str
    clips: int = 0
    neutral_clips: int = 0
    sums: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> SpeakerStatistics:
        return cls(
            str(fields["space"]),
            int(fields["clips"]),
            int(fields["neutral_clips"]),
            tuple(map(float, fields["sums"])),
        )

    def __add__(self, other: SpeakerStatistics) -> SpeakerStatistics:
        sums = tuple(a + b for a, b in zip(self.sums, other.sums, strict=True))
        return SpeakerStatistics(
            self.space, self.clips + other.clips, self.neutral_clips + other.neutral_clips, sums
        )
