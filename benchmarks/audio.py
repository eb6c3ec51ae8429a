"""MFCC of recordings, against one file after the other with librosa."""

from pathlib import Path
from typing import Any

import soundfile
import soxr

from avemo import engine
from avemo.config import load_settings
from avemo.features.audio import mfcc
from avemo.features.audio.dsp.librosa_import import import_librosa
from avemo.features.run import Extraction, extract_audio
from avemo.media.sound import read_sound, write_wav

from . import recordings as on

ROUNDS = 3
START = 240  # recordings that are done while the processes start


def bench(scratch: Path, given: Path | None) -> dict[str, Any]:
    """At the published rate of 48 kHz, and at the rate of the files."""
    extractors = load_settings(Path(__file__).parents[1]).extractors
    settings = mfcc.Settings.model_validate(extractors["mfcc"])
    files, kind = on.found(scratch, given, ".wav")
    rate = soundfile.info(files[0]).samplerate
    sets = {f"{rate / 1000:g} kHz": files}
    if rate != 48000:
        sets["48 kHz"] = [_raised(file, scratch, 48000) for file in files]
    if rate != 16000:
        sets["16 kHz"] = [_raised(file, scratch, 16000) for file in files]
    rows = [_compared(chosen, name, settings) for name, chosen in sets.items()]
    return {
        "about": f"MFCC of {len(files)} recordings ({kind}; those at another rate than "
        f"{rate / 1000:g} kHz were made from these), in recordings a second once running. Other: "
        "`librosa.load(file, sr=16000)` and `librosa.feature.mfcc`, one file after the other. "
        "With the start of the processes, which takes longer than the work on a set this small: "
        + ", ".join(f"{row['what']} {row['whole']:.2g}" for row in rows)
        + ".",
        "rows": rows,
        "limit": _limit(list(sets.values())[-1][:200], list(sets)[-1], settings),
    }


def _compared(files: list[Path], name: str, settings: mfcc.Settings) -> dict[str, Any]:
    ours, theirs, whole = [], [], []
    extraction = Extraction(extract_audio, {"mfcc": mfcc.Mfcc(settings)})
    for _ in range(ROUNDS):
        theirs.append(on.pace((_librosa(file, settings) for file in files), START))
        ours.append(on.pace(engine.run(_One(extraction), files, title="mfcc"), START))
        taken = on.timed(lambda: list(engine.run(_One(extraction), files, title="mfcc")))
        whole.append(len(files) / taken)
    ratio = on.middle(ours) / on.middle(theirs)
    return {
        "what": f"MFCC at {name}",
        "ours": f"{on.middle(ours):.0f}/s",
        "other": f"{on.middle(theirs):.0f}/s",
        "ratio": ratio,
        "wanted": "at least 4",
        "whole": on.middle(whole) / on.middle(theirs),
        "rounds": {"ours": ours, "other": theirs},
    }


class _One:
    def __init__(self, extraction: Extraction[Path | bytes, mfcc.Mfcc]) -> None:
        self.extraction = extraction

    def __call__(self, file: Path) -> Any:
        return self.extraction(file, ["mfcc"])


def _librosa(file: Path, settings: mfcc.Settings) -> Any:
    sound, _ = import_librosa().load(file, sr=settings.sample_rate)
    return import_librosa().feature.mfcc(
        y=sound,
        sr=settings.sample_rate,
        n_mfcc=settings.coefficients,
        n_fft=round(settings.window_ms * settings.sample_rate / 1000),
        hop_length=round(settings.hop_ms * settings.sample_rate / 1000),
        fmin=settings.low_hz,
        fmax=settings.high_hz,
    )


def _raised(file: Path, scratch: Path, rate: int) -> Path:
    target = scratch / f"{rate}" / file.name
    sound, had = soundfile.read(file, dtype="float32")
    write_wav(target, soxr.resample(sound, had, rate), rate)
    return target


def _limit(files: list[Path], name: str, settings: mfcc.Settings) -> str:
    """How a recording's time is spent, on one core."""
    from threadpoolctl import threadpool_limits

    rate = settings.sample_rate
    sounds = [read_sound(file, rate) for file in files]
    with threadpool_limits(1):
        extractor = mfcc.Mfcc(settings)
        extractor.extract(sounds[0])
        bare = on.timed(lambda: [soundfile.read(file, dtype="float32") for file in files])
        read = on.timed(lambda: [read_sound(file, rate) for file in files])
        cepstra = on.timed(lambda: [extractor.extract(sound) for sound in sounds])
    ms = 1000 / len(files)
    return (
        f"One core's time for a recording at {name}: {bare * ms:.2f} ms to read it, "
        f"{(read - bare) * ms:.2f} ms to resample it, {cepstra * ms:.2f} ms for its coefficients. "
        f"With {engine.count_cores()} cores the limit is "
        f"{engine.count_cores() * len(files) / (read + cepstra):.0f} recordings a second."
    )
