"""MFCC of recordings, against one file after the other with librosa."""

from pathlib import Path
from statistics import median

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from avemo import engine, threads
from avemo.config import load_settings
from avemo.features.audio.dsp.librosa_import import import_librosa
from avemo.features.audio.mfcc import Mfcc, Settings
from avemo.features.run import extract_audio
from avemo.media.sound import read_sound, write_wav

from .measuring import Options, find_recordings, rate_per_s, time_s
from .results import Benchmark, Comparison

ROUNDS = 3
WARM_UP = 240  # recordings, at most, that are done while the processes start


def run(scratch: Path, options: Options) -> Benchmark:
    """Compare at the published rate of 48 kHz, at 16 kHz, and at the rate of the files."""
    extractors = load_settings(Path(__file__).parents[1]).extractors
    settings = Settings.model_validate(extractors["mfcc"])
    files, source = find_recordings(scratch, options.recordings, ".wav")
    file_rate = soundfile.info(files[0]).samplerate
    files_by_rate = {file_rate: files}
    for rate in (48000, 16000):
        if rate != file_rate:
            files_by_rate[rate] = [_resample_file(file, scratch, rate) for file in files]
    compared = [_compare(files, rate, settings) for rate, files in files_by_rate.items()]
    with_start = ", ".join(f"{row.what} {ratio:.2g}" for row, ratio in compared)
    last_rate, last_files = list(files_by_rate.items())[-1]
    return Benchmark(
        about=f"MFCC of {len(files)} recordings ({source}; those at another rate than "
        f"{_khz(file_rate)} were made from these), in recordings a second once running. Other: "
        "`librosa.load(file, sr=16000)` and `librosa.feature.mfcc`, one file after the other. "
        "With the start of the processes, which takes longer than the work on a set this small: "
        f"{with_start}.",
        comparisons=[row for row, _ in compared],
        limit=_describe_limit(last_files[:200], last_rate, settings),
    )


def _compare(files: list[Path], rate: int, settings: Settings) -> tuple[Comparison, float]:
    """Return our pace beside librosa's, and the ratio with the start of the processes."""
    ours, theirs, ours_with_start = [], [], []
    extract = _ExtractMfcc(Mfcc(settings))
    warm_up = min(WARM_UP, len(files) // 2)
    for _ in range(ROUNDS):
        theirs.append(rate_per_s((_extract_by_librosa(file, settings) for file in files), warm_up))
        ours.append(rate_per_s(engine.run(extract, files, title="mfcc"), warm_up))
        seconds = time_s(lambda: list(engine.run(extract, files, title="mfcc")))
        ours_with_start.append(len(files) / seconds)
    comparison = Comparison(
        what=f"MFCC at {_khz(rate)}",
        ours=f"{median(ours):.0f}/s",
        other=f"{median(theirs):.0f}/s",
        ratio=median(ours) / median(theirs),
        target="at least 4",
        rounds={"ours": ours, "other": theirs},
    )
    return comparison, median(ours_with_start) / median(theirs)


class _ExtractMfcc:
    """What `engine.run` calls for a recording."""

    def __init__(self, extractor: Mfcc) -> None:
        self._extractor = extractor

    def __call__(self, file: Path) -> NDArray[np.float32]:
        return extract_audio(file, {"mfcc": self._extractor})["mfcc"]["mfcc"]


def _extract_by_librosa(file: Path, settings: Settings) -> object:
    librosa = import_librosa()
    sound, _ = librosa.load(file, sr=settings.sample_rate)
    return librosa.feature.mfcc(
        y=sound,
        sr=settings.sample_rate,
        n_mfcc=settings.coefficients,
        n_fft=round(settings.window_ms * settings.sample_rate / 1000),
        hop_length=round(settings.hop_ms * settings.sample_rate / 1000),
        fmin=settings.low_hz,
        fmax=settings.high_hz,
    )


def _resample_file(file: Path, scratch: Path, rate: int) -> Path:
    target = scratch / f"{rate}" / file.name
    sound, file_rate = soundfile.read(file, dtype="float32")
    write_wav(target, soxr.resample(sound, file_rate, rate), rate)
    return target


def _describe_limit(files: list[Path], rate: int, settings: Settings) -> str:
    """Return how a recording's time is spent, on one core."""
    extractor = Mfcc(settings)
    sounds = [read_sound(file, settings.sample_rate) for file in files]
    with threads.single_threaded():
        extractor.extract(sounds[0])
        read_s = time_s(lambda: [soundfile.read(file, dtype="float32") for file in files])
        resample_s = time_s(lambda: [read_sound(file, settings.sample_rate) for file in files])
        extract_s = time_s(lambda: [extractor.extract(sound) for sound in sounds])
    ms = 1000 / len(files)
    cores = engine.count_cores()
    return (
        f"One core's time for a recording at {_khz(rate)}: {read_s * ms:.2f} ms to read it, "
        f"{(resample_s - read_s) * ms:.2f} ms to resample it, {extract_s * ms:.2f} ms for its "
        f"coefficients. With {cores} cores the limit is "
        f"{cores * len(files) / (resample_s + extract_s):.0f} recordings a second."
    )


def _khz(rate: int) -> str:
    return f"{rate / 1000:g} kHz"
