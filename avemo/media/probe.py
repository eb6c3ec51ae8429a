"""What a media file holds, measured rather than believed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import MediaError
from .container import MediaFile, truncation_error
from .levels import LevelMeter
from .riff import count_trailing_bytes
from .scan import Scan, find_streams, mono_blocks

__all__ = ["Probe", "measure", "probe"]


@dataclass(frozen=True)
class Probe:
    """A file's measures; None for those of a stream that it lacks.

    Attributes:
        duration_s: from the clip's start to where the later of sound and picture ends, as far as
            they are there
        has_picture: a video stream decodes (the cover of a song is none)
        has_sound: an audio stream decodes, and is not silent
        has_audio_stream: there is an audio stream, be it silent
        sample_rate: in Hz
        channels: of the sound
        heard_channel: the one that is heard, from 0; None for the mean of all, see `select_channel`
        peak_dbfs: the loudest sample of what is heard; -inf for digital silence
        clipped_ratio: the share of samples at full scale
        width: pixels as stored, before `rotation`
        height: pixels as stored, before `rotation`
        frame_rate: pictures a second, on average
        frames: pictures
        rotation: degrees that a player turns the picture by, counter-clockwise
        trailing_bytes: of a WAV file, those that its header does not state, and that players may
            leave out
    """

    duration_s: float
    has_picture: bool
    has_sound: bool
    has_audio_stream: bool
    sample_rate: int | None = None
    channels: int | None = None
    heard_channel: int | None = None
    peak_dbfs: float | None = None
    clipped_ratio: float | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    frames: int | None = None
    rotation: int | None = None
    trailing_bytes: int = 0


def probe(source: Path | bytes, *, silence_dbfs: float = -60.0) -> Probe:
    """Measure a file: its sound is decoded as a stream, of its pictures only the first.

    Args:
        source: an audio or video file, or its content
        silence_dbfs: a sound whose peak is below is silence

    Raises:
        MediaError: `unreadable`
    """
    with MediaFile(source) as file:
        scan = Scan(file, first_picture=True)
        for _ in mono_blocks(scan):
            pass
        return measure(file, scan, scan.levels, scan.sound_start_s, silence_dbfs=silence_dbfs)


def measure(
    file: MediaFile,
    scan: Scan,
    levels: LevelMeter | None,
    sound_start_s: float,
    *,
    silence_dbfs: float = -60.0,
) -> Probe:
    """Return a file's measures.

    Args:
        file: the file
        scan: a pass over it, with the first picture
        levels: the sound's, of this pass or another
        sound_start_s: when the sound begins, in seconds from the clip's start
        silence_dbfs: as `probe` takes it

    Raises:
        MediaError: `unreadable`
    """
    pictures = scan.pictures
    if pictures and pictures.loss:
        raise truncation_error(file, pictures.loss)
    scan.check_sound()
    first = pictures.first if pictures else None
    if first is None and levels is None:
        raise MediaError("unreadable", f"nothing in {file.label} decodes, sound or picture")
    measures = Probe(
        duration_s=max(
            pictures.end_s if pictures else 0.0,
            sound_start_s + levels.duration_s if levels else 0.0,
        ),
        has_picture=first is not None,
        has_sound=False,
        has_audio_stream=find_streams(file).sound,
        trailing_bytes=_count_trailing_bytes(file),
    )
    if pictures and first:
        measures = replace(
            measures,
            width=first.width,
            height=first.height,
            frame_rate=pictures.frame_rate,
            frames=pictures.count,
            rotation=first.rotation,
        )
    if levels:
        measures = replace(
            measures,
            has_sound=levels.peak_dbfs >= silence_dbfs,
            sample_rate=levels.sample_rate,
            channels=levels.channels,
            heard_channel=levels.channel,
            peak_dbfs=levels.peak_dbfs,
            clipped_ratio=levels.clipped_ratio,
        )
    return measures


def _count_trailing_bytes(file: MediaFile) -> int:
    if not file.is_wav:
        return 0
    file_bytes, _ = file.riff_sizes
    return count_trailing_bytes(file.rewound(), file_bytes)
