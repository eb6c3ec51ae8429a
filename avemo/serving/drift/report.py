"""The drift report of a watched folder: in plain words, and as a page or a picture."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ... import page
from ...errors import AvemoError, SettingsError
from ...io import atomic_write
from ...paths import find_project
from ...records import Interval, ValidationProfile
from ...registry import version_cache
from ...registry.pinned import VersionId
from ...registry.profile import PROFILE
from ...tracking import lookup, store
from ..notice import NOTICE
from ..watch.rows import WatchedFile, read_rows
from .compare import (
    ClassShift,
    QuantileShift,
    ShareShift,
    compare_classes,
    compare_quantiles,
    compare_shares,
    share_interval,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Drift", "measure_drift", "report_files", "write_report"]

#: with fewer clips, intervals are too wide to say anything
_FEW = 20
_SUFFIXES = (".html", ".png")


@dataclass(frozen=True)
class Drift:
    """What came in, compared with what a version was validated on.

    Args:
        version: that answered
        clips: how many came in
        first: when the first was complete, as ISO 8601 has it
        last: when the last was
        findings: how many clips have each finding
        unsure: the share of clips that are "not sure"
        classes: the predicted emotions
        loudness: in dBFS; None where nothing is heard
        face_px: in pixels; None where nothing is seen
    """

    version: VersionId
    clips: int
    first: str
    last: str
    findings: Counter[str]
    unsure: ShareShift
    classes: ClassShift
    loudness: QuantileShift | None
    face_px: QuantileShift | None


def write_report(output: Path, target: Path) -> list[str]:
    """Write the report of a watched folder, and return it in sentences.

    Args:
        output: of the watcher
        target: a page (.html) or a picture (.png)

    Raises:
        AvemoError: nothing has come, or the version that answered has no profile
        SettingsError: the target is neither
    """
    return report_files(_read(output), output, target)


def report_files(files: Sequence[WatchedFile], source: Path, target: Path | None) -> list[str]:
    """Report how files differ from the validation data of the version that answered last.

    Args:
        files: in the order in which they came
        source: where they are from, for the message
        target: a page (.html) or a picture (.png) to write; None for neither

    Returns:
        the report in sentences

    Raises:
        AvemoError: as `write_report` does
        SettingsError: likewise
    """
    if target and target.suffix.lower() not in _SUFFIXES:
        raise SettingsError(f"{target} is neither a page (.html) nor a picture (.png)")
    version = next((file.row.version for file in reversed(files) if file.row.version.name), None)
    if version is None:
        raise AvemoError(f"no file in {source} has a prediction: there is nothing to compare")
    drift = measure_drift(files, version, _profile(version))
    lines = describe(drift)
    if target is None:
        return lines
    picture = _plot(drift)
    with atomic_write(target) as temporary:
        if target.suffix.lower() == ".png":
            temporary.write_bytes(picture)
        else:
            text = _markdown(drift, lines)
            temporary.write_text(page.html("Drift", text, {"drift.png": picture}), encoding="utf-8")
    return lines


def measure_drift(
    files: Sequence[WatchedFile], version: VersionId, profile: ValidationProfile
) -> Drift:
    """Compare the files that a version answered, or found nothing in, with its profile.

    Raises:
        AvemoError: it answered for none
    """
    compared = [file for file in files if file.row.version in (version, VersionId())]
    predictions = [file.row.prediction for file in compared]
    answered = [prediction for prediction in predictions if not prediction.finding]
    if not answered:
        raise AvemoError(f"{version.label} answered for no file: there is nothing to compare")
    measures = [file.measures for file in compared]
    return Drift(
        version=version,
        clips=len(compared),
        first=min(file.landed_at for file in compared),
        last=max(file.landed_at for file in compared),
        findings=Counter(prediction.finding for prediction in predictions if prediction.finding),
        unsure=compare_shares(
            sum(prediction.unsure for prediction in answered),
            len(answered),
            profile.unsure,
            profile.performances,
        ),
        classes=compare_classes(
            Counter(prediction.emotion for prediction in answered), profile.emotions
        ),
        loudness=compare_quantiles(
            [clip.loudness_dbfs for clip in measures if clip.loudness_dbfs is not None],
            profile.loudness_dbfs,
        ),
        face_px=compare_quantiles(
            [clip.face_px for clip in measures if clip.face_px is not None], profile.face_px
        ),
    )


def describe(drift: Drift) -> list[str]:
    """Return the report in sentences, a line for each question."""
    lines = [
        f"{drift.version.label}: {drift.clips} clips from {drift.first} to {drift.last}, compared "
        "with the version's validation data."
    ]
    if drift.clips < _FEW:
        lines.append(f"Fewer than {_FEW} clips: only large differences would be seen.")
    lines += [_describe_unsure(drift.unsure), _describe_classes(drift.classes)]
    if drift.loudness:
        lines.append(_describe_quantiles("Loudness", "dBFS", "quieter", "louder", drift.loudness))
    if drift.face_px:
        lines.append(_describe_quantiles("Face", "pixels", "smaller", "larger", drift.face_px))
    lines.append(_describe_findings(drift))
    return lines


def _describe_unsure(shift: ShareShift) -> str:
    more = "more" if shift.difference.value > 0 else "less"
    verdict = f"{more} often than there" if shift.differs else "no difference beyond chance"
    return (
        f"Not sure: {_per_cent(shift.watched)} of the answers, {shift.profile.value:.0%} in "
        f"validation: {verdict}."
    )


def _describe_classes(shift: ClassShift) -> str:
    text = (
        f"Emotions: Jensen-Shannon distance {shift.distance:} (0: the same, 1: nothing in common); "
        f"chance makes up to {shift.by_chance:.2f}: "
    )
    if not shift.differs:
        return f"{text}no difference beyond chance."
    name = shift.largest_change
    return (
        f"{text}others than in validation. Most changed is {name}, from "
        f"{shift.profile[name]:.0%} to {shift.watched[name]:.0%}."
    )


def _describe_quantiles(name: str, unit: str, lower: str, higher: str, shift: QuantileShift) -> str:
    beyond = (
        f"{_per_cent(shift.below)} of the clips are {lower} than 95 % of the validation data, "
        f"{_per_cent(shift.above)} {higher}"
    )
    verdict = "more than chance makes" if shift.differs else "no difference beyond chance"
    return (
        f"{name}: median {shift.median.value:.1f} {unit} [{shift.median.low:.1f}, "
        f"{shift.median.high:.1f}], {shift.profile_median:.1f} in validation; {beyond} "
        f"(5 % each are expected): {verdict}."
    )


def _describe_findings(drift: Drift) -> str:
    count = drift.findings.total()
    share = _per_cent(share_interval(count, drift.clips))
    named = ", ".join(f"{name} {number}" for name, number in drift.findings.most_common())
    return f"Without an answer: {share} of the clips{f' ({named})' if named else ''}."


def _per_cent(share: Interval) -> str:
    return f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}]"


def _read(output: Path) -> list[WatchedFile]:
    try:
        return list(read_rows(output))
    except FileNotFoundError:
        raise AvemoError(f"{output} has no rows: run `avemo watch` first") from None


def _profile(version: VersionId) -> ValidationProfile:
    store.connect(find_project(), spool=False)
    uri = f"models:/{version.name}/{version.number}"
    registered = lookup.find_versions([uri])[uri]
    if registered is None:
        raise AvemoError(f"{version.label} is not at {os.environ[store.TRACKING_URI]} any more")
    file = next(version_cache.get(registered).rglob(PROFILE), None)
    if file is None:
        raise AvemoError(
            f"{version.label} has no validation profile: it was registered by an older release, or "
            "without validation data; register it anew with `dvc repro`"
        )
    return ValidationProfile.read(file)


def _markdown(drift: Drift, lines: Sequence[str]) -> str:
    first, *others = lines
    points = "\n".join(f"- {page.plain(line)}" for line in others)
    return (
        f"# Drift\n\n{page.plain(first)}\n\n{points}\n\n![](drift.png)\n\n"
        "Intervals in brackets hold with 95 % confidence. A difference says that the clips are "
        "others than the model was validated on, and that its figures may not hold for them; it "
        f"does not say that an answer is wrong.\n\n> {page.plain(NOTICE)}\n"
    )


def _plot(drift: Drift) -> bytes:
    from matplotlib.figure import Figure

    measures = [
        (shift, label)
        for shift, label in (
            (drift.loudness, "loudness (dBFS)"),
            (drift.face_px, "size of the face (pixels)"),
        )
        if shift
    ]
    figure = Figure(figsize=(5 * (1 + len(measures)), 4), layout="constrained")
    axes = figure.subplots(1, 1 + len(measures), squeeze=False)[0]
    _plot_classes(axes[0], drift)
    for place, (shift, label) in zip(axes[1:], measures, strict=True):
        _plot_quantiles(place, shift, label)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    return content.getvalue()


def _plot_classes(axes: Axes, drift: Drift) -> None:
    shift = drift.classes
    places = range(len(shift.watched))
    axes.barh([p - 0.2 for p in places], list(shift.profile.values()), 0.4, label="validation")
    axes.barh([p + 0.2 for p in places], list(shift.watched.values()), 0.4, label="watched")
    axes.set_yticks(list(places), list(shift.watched))
    axes.invert_yaxis()
    axes.set_xlabel("share of the answers")
    axes.set_title(
        f"not sure: {drift.unsure.watched.value:.0%}, was {drift.unsure.profile.value:.0%}"
    )
    axes.legend()


def _plot_quantiles(axes: Axes, shift: QuantileShift, label: str) -> None:
    shares = [step / (len(shift.profile) - 1) for step in range(len(shift.profile))]
    axes.plot(shift.profile, shares, label="validation")
    axes.plot(shift.watched, shares, label="watched")
    axes.set_xlabel(label)
    axes.set_ylabel("share of the clips up to there")
    axes.legend()
