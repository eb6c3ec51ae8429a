"""A person whom predictions are adapted to, by whichever version answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..errors import MediaError
from ..inference.adaptation import SpeakerStatistics

__all__ = ["NO_ADAPTATION", "OTHER_SPACE", "Speaker", "explain_no_adaptation"]

#: the finding of a clip whose version measures people otherwise than they were enrolled
OTHER_SPACE = "other-space"
#: the finding of a clip whose version does not adapt
NO_ADAPTATION = "no-adaptation"


@dataclass(frozen=True)
class Speaker:
    """What is known of a person, in the space of each version that measured them.

    Args:
        name: for messages; may be empty
        statistics: by space
        models: the versions that computed them, `avemo-fused version 3`
    """

    name: str
    statistics: Mapping[str, SpeakerStatistics] = field(default_factory=dict)
    models: tuple[str, ...] = ()

    @cached_property
    def key(self) -> str:
        """What changes whenever a prediction that is adapted to the person may be another."""
        fields = {space: own.to_dict() for space, own in self.statistics.items()}
        text = json.dumps(fields, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def with_clip(self, statistics: SpeakerStatistics, model: str) -> Speaker:
        """Return the person with one more clip.

        Args:
            statistics: of the clip
            model: that computed them
        """
        space = statistics.space
        before = self.statistics.get(space)
        total = before + statistics if before else statistics
        models = tuple(dict.fromkeys((*self.models, model)))
        return Speaker(self.name, {**self.statistics, space: total}, models)

    def statistics_for(self, space: str, model: str) -> SpeakerStatistics:
        """Return what is known of the person in a version's space.

        Args:
            space: of the version; empty where it does not adapt
            model: its label

        Raises:
            MediaError: `no-adaptation`: the version does not adapt; `other-space`: nothing is known
                in its space
        """
        if not space:
            raise MediaError(NO_ADAPTATION, explain_no_adaptation(model))
        if space in self.statistics:
            return self.statistics[space]
        raise MediaError(OTHER_SPACE, self.explain_other_space(model))

    def explain_other_space(self, model: str) -> str:
        """Return what to enrol again for a version, in a sentence."""
        known = " and ".join(dict.fromkeys(self.models)) or "another version"
        last = next(iter(self.statistics.values()), None)
        clips = "clips"
        if last:
            neutral, others = last.neutral_clips, last.clips - last.neutral_clips
            counts = [f"{neutral} neutral"] * bool(neutral) + [f"{others} other"] * bool(others)
            clips = f"{' and '.join(counts)} clip{'s' * (last.clips > 1)}"
        return (
            f"{self.name or 'the speaker'} was enrolled with {known}, and {model} measures voices "
            f"otherwise: enrol the {clips} again"
        )


def explain_no_adaptation(model: str) -> str:
    """Return why a version adapts to nobody, in a sentence."""
    return (
        f"{model} does not adapt to speakers, since it was registered without: take another "
        "version, or register it anew with `dvc repro`"
    )
