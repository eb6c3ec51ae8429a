"""A recording that is opened once: everything that avemo reads of a media file comes from here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, BinaryIO, Self

from ..errors import MediaError
from .container import MediaFile, describe_source
from .frames import Frame, decode_frames, read_pictures
from .playback import Played, play
from .probe import Probe, measure
from .scan import MonoBlock, Pictures, Scan, Streams, find_streams, mono_blocks, read_mono_blocks
from .sound import PowerTrack, Voice, join_blocks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .levels import LevelMeter

__all__ = ["Clip", "Media"]

#: a longer sound is not kept: 32 MB, three minutes at 48 kHz
_MAX_KEPT_SAMPLES = 2**23


class Clip:
    """An audio or video file, or the content of one, in any format that FFmpeg decodes.

    Nothing is opened before a method is called. What a method reads is kept for the others: within
    a `with` block, the file is opened once and its sound decoded once, and the block's end closes
    the file. Outside of one, each method that has to read opens and closes the file itself.

    The sound is kept as one channel at its own rate, up to 32 MB (three minutes at 48 kHz); a
    longer one is decoded anew for each call. Frames are not kept.

    Threads may share a clip: one reads at a time. Another process gets the path or the content, and
    reads anew.

    Args:
        source: the file's path, its content, or a reader of it
        max_sound_s: a longer sound is refused, in seconds; by default none is

    Examples:
        >>> with Clip("speech.wav") as clip:
        ...     clip.probe().duration_s
        ...     clip.sound(8000).shape
        2.0
        (16000,)
    """

    def __init__(
        self, source: Path | str | bytes | BinaryIO, *, max_sound_s: float | None = None
    ) -> None:
        self.source = Path(source) if isinstance(source, str) else source
        self.max_sound_s = max_sound_s
        self._lock = RLock()
        self._depth = 0  # of nested `with` blocks
        self._open_file: MediaFile | None = None
        self._streams: Streams | None = None
        self._sound: list[MonoBlock] | None = None
        self._levels: LevelMeter | None = None
        self._power: PowerTrack | None = None
        self._voices: dict[float, Voice | None] = {}
        self._sound_start_s = 0.0
        self._pictures: Pictures | None = None
        self._probe: Probe | None = None

    @classmethod
    def of(cls, media: Media | str | BinaryIO) -> Clip:
        """Return the clip itself, or that of a path, content or stream."""
        return media if isinstance(media, Clip) else cls(media)

    def __repr__(self) -> str:
        return f"Clip({describe_source(self.source)})"

    def __reduce__(self) -> tuple[Callable[[Path | bytes], Clip], tuple[Path | bytes]]:
        if not isinstance(self.source, Path | bytes):
            raise TypeError(f"{self!r} reads from a stream, which no other process can")
        return Clip, (self.source,)

    def __enter__(self) -> Self:
        self._depth += 1
        return self

    def __exit__(self, *exception: object) -> None:
        self._depth -= 1
        if self._open_file and not self._depth:
            self._open_file.close()
            self._open_file = None

    def streams(self) -> Streams:
        """Return which streams the file's header names, without decoding them.

        Raises:
            MediaError: `unreadable`
        """
        with self._lock, self:
            if self._streams is None:
                self._streams = find_streams(self._file)
        return self._streams

    def probe(self) -> Probe:
        """Return duration, streams and levels, measured.

        Raises:
            MediaError: `unreadable`
        """
        with self._lock, self:
            if self._probe is None:
                scan = Scan(self._file, sound=self._levels is None, first_picture=True)
                blocks: list[MonoBlock] = []
                for block in mono_blocks(scan):
                    _append(blocks, block, scan)
                start_s = scan.sound_start_s if scan.levels else self._sound_start_s
                self._probe = measure(self._file, scan, scan.levels or self._levels, start_s)
                self._keep(scan, blocks)
        return self._probe

    def sound(self, sample_rate: int = 16000) -> NDArray[np.float32]:
        """Return the sound as one channel, without an offset.

        It is the mean of the channels, or the loudest of them where they cancel each other, see
        `channels.select_channel`. Gaps in the recording are silence.

        Args:
            sample_rate: in Hz

        Returns:
            in [-1, 1] [shape=(samples,)]; a float file may hold more than 1

        Raises:
            MediaError: `no-sound` for a file without an audio stream, `unreadable` for one that is
                broken: no media, cut short, samples that are no numbers
        """
        with self._lock, self:
            return join_blocks(self._read_sound, sample_rate)

    def voiced_span(self, below_db: float) -> tuple[float, float] | None:
        """Return where the sound begins and ends to be heard, to a window of 20 ms.

        Args:
            below_db: a window is heard if it is at most this far below the loudest

        Returns:
            seconds from the clip's start; None if there is no sound that can be used
        """
        voice = self.voice(below_db)
        return voice.span if voice else None

    def voice(self, below_db: float) -> Voice | None:
        """Return where the sound is heard, how much of it, and in which channel.

        A sound that was read before is not decoded again, however long it is.

        Args:
            below_db: as `voiced_span` takes it

        Returns:
            None if there is no sound that can be used, or silence
        """
        with self._lock, self:
            if below_db not in self._voices:
                self._voices[below_db] = self._locate_voice(below_db)
            return self._voices[below_db]

    def frames(self, count: int, span: tuple[float, float] | None = None) -> list[Frame]:
        """Return frames spread evenly over the clip; all of them in a clip of fewer.

        Args:
            count: how many, at least 1; each takes up to 5 MB
            span: the part to read from, in seconds from the clip's start; by default, and where
                that part shows no picture, the whole clip

        Raises:
            MediaError: `no-picture`, `unreadable`
        """
        return list(self.iterate_frames(count, span))

    def iterate_frames(
        self, count: int, span: tuple[float, float] | None = None
    ) -> Iterator[Frame]:
        """Yield the frames that `frames` returns, as they are decoded."""
        with self._lock, self:
            if self._pictures is None:
                self._pictures = read_pictures(self._file)
            yield from decode_frames(self._file, self._pictures, count, span)

    def play(self, picture_interval: Fraction | None) -> Iterator[Played]:
        """Yield sound and pictures as they are played, see `playback.play`.

        Args:
            picture_interval: in seconds; None for sound alone

        Raises:
            MediaError: `unreadable`
        """
        with self:
            yield from play(self._file, picture_interval)

    @property
    def _file(self) -> MediaFile:
        if self._open_file is None:
            self._open_file = MediaFile(self.source)
        return self._open_file

    def _locate_voice(self, below_db: float) -> Voice | None:
        try:
            power = self._measure_power()
        except MediaError:
            return None
        channel = self._levels.channel if self._levels else None
        return power.locate_voice(below_db, start_s=self._sound_start_s, channel=channel)

    def _measure_power(self) -> PowerTrack:
        """Return the sound's power; what was heard before is not decoded again."""
        if self._power is None and self._sound is None:
            for _ in self._decode_sound():  # measures the power itself
                pass
        if self._power is None:
            self._power = PowerTrack()
            for block in self._sound or ():
                self._power.add(block)
        return self._power

    def _read_sound(self) -> Iterator[MonoBlock]:
        if self._sound is not None:
            return iter(self._sound)
        return self._decode_sound()

    def _decode_sound(self) -> Iterator[MonoBlock]:
        scan, power = Scan(self._file), PowerTrack()
        blocks: list[MonoBlock] = []
        for block in read_mono_blocks(scan, self._file):
            _append(blocks, block, scan)
            power.add(block)
            self._check_length(scan)
            yield block
        self._keep(scan, blocks)
        self._power = power

    def _check_length(self, scan: Scan) -> None:
        levels, longest_s = scan.levels, self.max_sound_s
        if levels and longest_s and levels.samples > longest_s * levels.sample_rate:
            raise MediaError(
                "too-long",
                f"the sound is longer than {longest_s:g} s, which one prediction takes at most: ask"
                " for a timeline, or cut the clip",
            )

    def _keep(self, scan: Scan, blocks: list[MonoBlock]) -> None:
        """Keep what a scan found, once it has ended without an error."""
        self._pictures = scan.pictures
        if scan.levels:
            self._levels, self._sound = scan.levels, blocks or None
            self._sound_start_s = scan.sound_start_s


def _append(blocks: list[MonoBlock], block: MonoBlock, scan: Scan) -> None:
    """Append a block to those that are kept, unless there are too many by now."""
    blocks.append(block)
    if scan.levels and scan.levels.samples > _MAX_KEPT_SAMPLES:
        blocks.clear()


#: a clip, a file's path, or its content; never text, which may come from a client that names a file
Media = Clip | Path | bytes
