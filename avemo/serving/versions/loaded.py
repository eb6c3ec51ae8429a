"""A version in memory, which answers until the last of its requests is done."""

from __future__ import annotations

import gc
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import AvemoError, MediaError
from ...inference.adaptation import SpeakerStatistics
from ...registry import own_code
from ..decoding import Decoder, GrowingFile
from ..job import Job
from .example import Row, read_example, require_sound_answer

__all__ = ["LoadedVersion", "Windows"]

#: how many loaded versions run the code of each package
_packages: Counter[str] = Counter()
_lock = threading.Lock()


class Windows(NamedTuple):
    """The windows of a timeline.

    Args:
        window_s: length of each, in seconds
        hop_s: from one to the next
    """

    window_s: float
    hop_s: float


class LoadedVersion:
    """A registered version's recogniser, run by its own code.

    Args:
        folder: with its files, which are as they were registered
        decoders: processes that decode for it at a time

    Raises:
        AvemoError: it does not load
    """

    def __init__(self, folder: Path, decoders: int) -> None:
        self.folder = folder
        recogniser = _load(folder)
        self._recogniser: Any = recogniser
        self._decoder = Decoder(recogniser, decoders)
        self._package = type(recogniser).__module__.partition(".")[0]
        with _lock:
            _packages[self._package] += 1
        self._prediction: Any = import_module(f"{self._package}.inference.prediction").Prediction

    @property
    def space(self) -> str:
        """The space that it measures people in; empty where it does not adapt to them."""
        return own_code.adaptation_space(self._recogniser)

    def require_own(self, speaker: SpeakerStatistics) -> None:
        """Refuse statistics that the version cannot adapt by.

        Raises:
            AvemoError: they are of another space, or damaged
        """
        try:
            self._options(speaker)
        except Exception as error:  # of the version's own code
            raise AvemoError(_explain(error)) from None

    def answer(
        self, media: Path | bytes, job: Job, speaker: SpeakerStatistics | None = None
    ) -> Row:
        """Return the prediction for one clip.

        Args:
            media: the file, or its content
            job: stops it
            speaker: whom it is adapted to

        Raises:
            AvemoError: it fails, or was stopped
        """
        try:
            options = self._options(speaker)
            with job.decoding(self._decoder.open(media)) as clip, own_code.without_bytecode():
                row: Row = self._recogniser.predict(clip, **options).to_row()
        except AvemoError:
            raise
        except Exception as error:
            if not hasattr(error, "finding"):  # the version's own class of MediaError has one
                raise AvemoError(_explain(error)) from error
            row = self._prediction.from_error(error, self._recogniser.classes).to_row()
        return row

    def enrol(self, media: Path | bytes, job: Job, *, neutral: bool) -> SpeakerStatistics:
        """Return what one clip says of its speaker.

        Args:
            media: the file, or its content
            job: stops it
            neutral: the person speaks neutrally in it

        Raises:
            MediaError: the clip cannot be used
            AvemoError: it fails, or was stopped
        """
        try:
            with job.decoding(self._decoder.open(media)) as clip:
                return own_code.enrol(self._recogniser, clip, neutral=neutral)
        except AvemoError:
            raise
        except Exception as error:
            if hasattr(error, "finding"):
                raise MediaError(str(error.finding), str(error)) from None
            raise AvemoError(_explain(error)) from error

    def timeline(
        self,
        media: Path | GrowingFile,
        job: Job,
        windows: Windows,
        *,
        speaker: SpeakerStatistics | None = None,
        adapt: bool = False,
    ) -> Iterator[dict[str, object]]:
        """Yield the rows of a clip's timeline as soon as each is complete.

        Args:
            media: the file, or one that is still arriving, see `growing_file`
            job: stops it
            windows: of its predictions
            speaker: whom it is adapted to from the start
            adapt: to each person, as it goes

        Raises:
            MediaError: nothing of the clip can be read
            AvemoError: it fails, or was stopped
        """
        try:
            options: dict[str, Any] = windows._asdict() | self._options(speaker)
            if adapt:  # which a version of an older release does not know
                options["adapt"] = True
            with job.decoding(self._decoder.open(media)) as clip:
                for row in self._recogniser.timeline(clip, **options):
                    job.require_wanted()
                    yield row.to_dict()
        except AvemoError:
            raise
        except Exception as error:
            if hasattr(error, "finding"):
                raise MediaError(str(error.finding), str(error)) from None
            raise AvemoError(_explain(error)) from error

    def growing_file(self, path: Path) -> GrowingFile:
        """Return a file that is still arriving, for `timeline`."""
        return self._decoder.growing_file(path)

    def windows(self, window_s: float | None = None, hop_s: float | None = None) -> Windows:
        """Return the windows of a timeline, by default the version's own.

        Args:
            window_s: of each, in seconds
            hop_s: from one to the next

        Raises:
            AvemoError: there are no such windows
        """
        try:
            windows = self._recogniser.windows(window_s, hop_s)
        except Exception as error:
            raise AvemoError(_explain(error)) from error
        return Windows(float(windows.length), float(windows.hop))

    def answer_example(self) -> None:
        """Answer its own example, which loads whatever is loaded at first use.

        Raises:
            AvemoError: the answer is none, or not the recorded one
        """
        example = read_example(self.folder)
        require_sound_answer(self.answer(example.media, Job()), example.row)

    def _options(self, speaker: SpeakerStatistics | None) -> dict[str, Any]:
        """Return what the version's own code takes to adapt to a speaker."""
        return own_code.speaker_option(self._recogniser, speaker) if speaker else {}

    def close(self) -> None:
        """Free the memory; nothing may be asked afterwards."""
        self._decoder.close()
        self._recogniser = None
        with _lock:
            _packages[self._package] -= 1
            _forget(self._package, with_code=not _packages[self._package])
        gc.collect()


def _load(folder: Path) -> own_code.Recogniser:
    try:
        recogniser = own_code.load_recogniser(folder)
    except Exception as error:
        raise AvemoError(f"it does not load: {_explain(error)}") from error
    if recogniser is None:
        raise AvemoError(
            "it has no graph of its network: it is of an older release, or was not registered by "
            "avemo; register it again (dvc repro --force --single-item register)"
        )
    return recogniser


def _forget(package: str, *, with_code: bool) -> None:
    """Drop the networks that a version's code keeps, and the code itself where nobody runs it."""
    names = [name for name in sys.modules if name.partition(".")[0] == package]
    for name in names:
        for value in list(vars(sys.modules[name]).values()):
            if hasattr(value, "cache_clear") and getattr(value, "__module__", "") == name:
                with suppress(Exception):
                    value.cache_clear()
        if with_code:
            del sys.modules[name]


def _explain(error: Exception) -> str:
    """Return an error of a version's own code in a line; its classes are not ours."""
    text = (str(error).splitlines() or [""])[0]
    known = any(base.__name__ == AvemoError.__name__ for base in type(error).__mro__)
    return text if known and text else f"{type(error).__name__}: {text}".rstrip(": ")
