"""Answer recorded clips again, each by the version that answered it, and compare bit for bit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...errors import AvemoError
from ...inference.prediction import Prediction
from ...registry.pinned import VersionId
from ...registry.predictor import RegisteredModel
from ...tracking import lookup
from ...tracking.keys import PublicKey
from ..batch.task import Item
from .rows import AnsweredWindow, AnswerSettings, RecordedAnswer
from .timeline import read_window

__all__ = ["Outcome", "ReplayedAnswer", "replay"]

Outcome = Literal["identical", "differs", "failed"]
Report = Callable[[str], None]


@dataclass(frozen=True)
class ReplayedAnswer:
    """A recorded answer, and what its version answers now.

    Args:
        answer: as it was recorded
        file: its media
        outcome: `failed` where it cannot be answered again
        reason: what differs, or why it failed; else empty
    """

    answer: RecordedAnswer
    file: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True)
class _NewAnswer:
    """What is compared: of a clip its probabilities and finding, of a timeline its rows."""

    finding: str
    unsure: bool
    probabilities: Mapping[str, float]
    windows: tuple[AnsweredWindow, ...] = ()


def replay(
    answer_rows: Iterable[RecordedAnswer],
    media: Sequence[Item],
    *,
    report: Report = lambda activity: None,
    require_key: PublicKey | None = None,
) -> Iterator[ReplayedAnswer]:
    """Yield each answer whose media is there, answered again; a version is loaded once.

    Args:
        answer_rows: of the record
        media: files with their checksums
        report: is called with what is about to be done
        require_key: that must have signed the versions; None where no signature is required

    Raises:
        AvemoError: the registry cannot be asked
    """
    files = {item.sha256: item.clip.file for item in media if item.sha256}
    by_version: dict[VersionId, list[RecordedAnswer]] = defaultdict(list)
    for answer in answer_rows:
        if answer.sha256 in files:
            by_version[answer.version_id].append(answer)
    uris = {version: f"models:/{version.name}/{version.number}" for version in by_version}
    report("asking the registry for the recorded versions")
    registered = lookup.find_versions(list(dict.fromkeys(uris.values())))
    for version_id, own_answers in by_version.items():
        version = registered[uris[version_id]]
        if version is None or version.seal != version_id.seal:
            reason = _explain_version(version_id, version)
            for answer in own_answers:
                yield ReplayedAnswer(answer, files[answer.sha256], "failed", reason)
            continue
        model = RegisteredModel(version.uri, report=report, require_key=require_key)
        model.version = version  # an alias or a tag that moves meanwhile changes nothing
        yield from _replay_version(model, own_answers, files)


def _replay_version(
    model: RegisteredModel, answer_rows: Iterable[RecordedAnswer], files: Mapping[str, str]
) -> Iterator[ReplayedAnswer]:
    computed: dict[tuple[str, AnswerSettings], _NewAnswer] = {}
    for answer in answer_rows:
        file, key = files[answer.sha256], (answer.sha256, answer.settings)
        if answer.settings.adapted:
            reason = "it was adapted to a person, of whom nothing is recorded"
            yield ReplayedAnswer(answer, file, "failed", reason)
            continue
        try:
            if key not in computed:
                computed[key] = _answer_again(model, Path(file), answer.settings)
        except AvemoError as error:
            yield ReplayedAnswer(answer, file, "failed", str(error))
            continue
        except Exception as error:  # of a library, for this clip
            yield ReplayedAnswer(answer, file, "failed", f"{type(error).__name__}: {error}")
            continue
        difference = _describe_difference(answer, computed[key])
        yield ReplayedAnswer(answer, file, "differs" if difference else "identical", difference)


def _answer_again(model: RegisteredModel, file: Path, settings: AnswerSettings) -> _NewAnswer:
    if settings.kind == "clip":
        prediction: Prediction = model.predict(file)
        return _NewAnswer(prediction.finding, prediction.unsure, prediction.probabilities)
    rows = model.timeline(
        file, window_s=settings.window_s, hop_s=settings.hop_s, adapt=settings.adapt
    )
    return _NewAnswer("", False, {}, tuple(read_window(row.to_dict()) for row in rows))


def _describe_difference(answer: RecordedAnswer, new: _NewAnswer) -> str:
    """Return how a new answer differs from the recorded one; empty where it does not."""
    if answer.settings.kind == "clip":
        return _compare(answer, new)
    if len(answer.windows) != len(new.windows):
        return f"{len(answer.windows)} rows were recorded, now there are {len(new.windows)}"
    for number, (before, now) in enumerate(zip(answer.windows, new.windows, strict=True), start=1):
        if before == now:
            continue
        place = f"row {number}, from {before.start:g} to {before.end:g} s"
        if (before.start, before.end, before.track) != (now.start, now.end, now.track):
            return f"{place}: it now stands for {now.start:g} to {now.end:g} s, track {now.track}"
        return f"{place}: {_compare(before, now)}"
    return ""


def _compare(before: RecordedAnswer | AnsweredWindow, now: _NewAnswer | AnsweredWindow) -> str:
    if before.finding != now.finding:
        return f"the finding was {before.finding or 'none'}, now it is {now.finding or 'none'}"
    if before.probabilities.keys() != now.probabilities.keys():
        return "the classes are others"
    changes = {
        name: abs(now.probabilities[name] - value)
        for name, value in before.probabilities.items()
        if now.probabilities[name] != value
    }
    if changes:
        name = max(changes, key=changes.__getitem__)
        return (
            f"the probability of {name} was {before.probabilities[name]!r}, now it is "
            f"{now.probabilities[name]!r} ({len(changes)} of {len(before.probabilities)} differ)"
        )
    if before.unsure != now.unsure:
        return f"not sure was {before.unsure}, now it is {now.unsure}"
    return ""


def _explain_version(recorded: VersionId, version: lookup.Version | None) -> str:
    if version is None:
        return f"{recorded.label} is not in the registry any more"
    return (
        f"{recorded.label} has another checksum in the registry, {version.seal[:12] or 'none'}; "
        f"{recorded.seal[:12]} is recorded: it is not the version that answered"
    )
