"""What a prediction was made from: how much of a voice, how many frames with a face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ..modalities import Modality

__all__ = ["COLUMNS", "Evidence"]

#: before the name of a field: its column in a row
_PREFIX = "evidence_"
#: by column: its type. Numbers that may be missing are floats, which NaN is one of
COLUMNS: dict[str, type[str | float]] = {
    "evidence_modality": str,
    "evidence_voiced_s": float,
    "evidence_voice_start_s": float,
    "evidence_voice_end_s": float,
    "evidence_frames": int,
    "evidence_frames_with_face": int,
    "evidence_channel": float,
    "evidence_audio_track": float,
    "evidence_video_track": float,
}
_MISSING: dict[type[str | float], str | float] = {str: "", float: float("nan")}
_INTEGERS = ("frames", "frames_with_face", "channel", "audio_track", "video_track")


@dataclass(frozen=True)
class Evidence:
    """What a prediction was made from, or what was looked for where there is none.

    Args:
        modality: what the prediction comes from; None where there is none, and for versions of
            older releases, which do not say it
        voiced_s: in how many seconds something is heard; 0 where the sound cannot be used, or where
            the model did not listen
        voice_start_s: when it begins to be heard, in seconds from the clip's start; None where
            `voiced_s` is 0
        voice_end_s: when it ends to be heard
        frames: how many were sampled
        frames_with_face: in how many of them the main person's face was detected
        channel: that was listened to, from 0; None for the mean of all
        audio_track: that was taken of several, as FFmpeg counts them, from 0; None where there is
            one, or none
        video_track: likewise
    """

    modality: Modality | None = None
    voiced_s: float = 0.0
    voice_start_s: float | None = None
    voice_end_s: float | None = None
    frames: int = 0
    frames_with_face: int = 0
    channel: int | None = None
    audio_track: int | None = None
    video_track: int | None = None

    def to_columns(self) -> dict[str, str | float | None]:
        """Return the columns of a table, see `COLUMNS`; None where there is no value."""
        return {_PREFIX + name: value for name, value in asdict(self).items()}

    def to_row(self) -> dict[str, str | float]:
        """Return the columns of a version's row, whose types are those of `COLUMNS`."""
        return {
            name: _MISSING[COLUMNS[name]] if value is None else COLUMNS[name](value)
            for name, value in self.to_columns().items()
        }

    @classmethod
    def from_row(cls, row: Mapping[str, object]) -> Evidence:
        """Return the evidence that a version's row holds; none for one of an older release."""
        values: dict[str, object] = {}
        for name, kind in COLUMNS.items():
            field, value = name.removeprefix(_PREFIX), row.get(name)
            if value is None or value == "" or value != value:  # NaN is not itself
                continue
            number = str(value) if kind is str else float(str(value))
            values[field] = int(number) if field in _INTEGERS else number
        return cls(**values)  # type: ignore[arg-type]

    def describe(self) -> str:
        """Return `2.1 s of voice from 0.4 to 3.1 s, a face in 16 of 16 frames`; may be empty."""
        parts = []
        if self.modality in ("audio", "fused"):
            parts.append(f"{self.voiced_s:.1f} s of voice")
            if self.voice_start_s is not None:
                parts[0] += f" from {self.voice_start_s:.1f} to {self.voice_end_s:.1f} s"
            if self.channel is not None:
                parts.append(f"channel {self.channel} (from 0)")
            if self.audio_track is not None:
                parts.append(f"audio track {self.audio_track} (from 0)")
        if self.modality in ("visual", "fused"):
            parts.append(f"a face in {self.frames_with_face} of {self.frames} frames")
            if self.video_track is not None:
                parts.append(f"video track {self.video_track} (from 0)")
        return ", ".join(parts)
