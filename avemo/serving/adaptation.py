"""Whom a request is adapted to: a speaker who is enrolled, or statistics that the client sends."""

from __future__ import annotations

import asyncio
import json

from ..errors import AvemoError, MediaError, SettingsError
from ..inference.adaptation import SpeakerStatistics
from ..registry.speaker import NO_ADAPTATION, Speaker, explain_no_adaptation
from .refusal import Refusal
from .service import Service
from .versions.current import ServedVersion

__all__ = ["STATISTICS", "find_speaker", "read_statistics", "require_adaptation"]

#: the field of a form
STATISTICS = "statistics"
_NEUTRAL = "neutral"


def require_adaptation(served: ServedVersion, *, neutral: bool = False) -> None:
    """Refuse a request that needs a version that adapts.

    Args:
        served: the version
        neutral: clips are said to be neutral

    Raises:
        Refusal: this one does not adapt, or knows no such emotion
    """
    if not served.loaded.space:
        raise Refusal(409, NO_ADAPTATION, explain_no_adaptation(served.description.label))
    if neutral and _NEUTRAL not in served.description.classes:
        message = f"{served.description.label} tells no neutral from other emotions: leave it out"
        raise Refusal(422, "parameter", message)


async def find_speaker(
    service: Service, served: ServedVersion, name: str | None
) -> SpeakerStatistics | None:
    """Return what is known of a speaker who is enrolled; None where none is named.

    Raises:
        Refusal: nothing is kept, nobody of this name is enrolled, or not for this version
    """
    if name is None:
        return None
    store = service.speakers.require_store()
    try:
        speaker = await asyncio.to_thread(store.speaker, name)
    except SettingsError as error:
        raise Refusal(422, "speaker-name", str(error), close=True) from None
    except AvemoError:
        message = "nobody is enrolled by this name: POST /v1/speakers/NAME"
        raise Refusal(404, "speaker", message, close=True) from None
    return _require_space(served, speaker)


def read_statistics(served: ServedVersion, text: str | None) -> SpeakerStatistics | None:
    """Return the statistics that a client sends; None where it sends none.

    Args:
        served: the version that is to adapt by them
        text: as `/v1/enrol` gave them, in JSON

    Raises:
        Refusal: they are none, or not of this version
    """
    if not text:
        return None
    try:
        statistics = SpeakerStatistics.from_dict(json.loads(text))
    except AvemoError as error:
        raise Refusal(422, STATISTICS, str(error)) from None
    except (ValueError, ArithmeticError, RecursionError) as error:
        message = f"the field {STATISTICS} is no JSON of /v1/enrol ({type(error).__name__})"
        raise Refusal(422, STATISTICS, message) from None
    statistics = _require_space(served, Speaker("", {statistics.space: statistics}))
    try:
        served.loaded.require_own(statistics)
    except AvemoError as error:
        raise Refusal(422, STATISTICS, str(error)) from None
    return statistics


def _require_space(served: ServedVersion, speaker: Speaker) -> SpeakerStatistics:
    try:
        return speaker.statistics_for(served.loaded.space, served.description.label)
    except MediaError as error:
        raise Refusal(409, error.finding, str(error), close=True) from None
