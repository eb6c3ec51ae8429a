"""Audio features of all extractors, against openSMILE's eGeMAPSv02."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from avemo import threads
from avemo.config import load_settings
from avemo.errors import AssetError
from avemo.features.extractor import AudioExtractor, AudioSettings, audio_extractors
from avemo.features.registry import extractor_class
from avemo.features.run import extract_audio
from avemo.media.sound import read_sound
from avemo.settings import Settings

from .environments import Comparator
from .measuring import Options, find_recordings, processor_s, spread_evenly
from .results import Benchmark, compare

CLIPS = 200
ROUNDS = 4

Extractors = Mapping[str, AudioExtractor[AudioSettings]]


def run(scratch: Path, options: Options) -> Benchmark:
    """Extract a part of the clips a round, by both in turn."""
    extractors, missing = load_extractors(load_settings(Path(__file__).parents[1]))
    plain = {name: it for name, it in extractors.items() if not it.weight_names}
    files, source = find_recordings(scratch, options.recordings, ".wav")
    files = spread_evenly(files, CLIPS)
    opensmile = Comparator("opensmile")
    all_s, plain_s, their_s = [], [], []
    with threads.single_threaded():
        extract_audio(files[0], extractors)
        for number in range(ROUNDS):
            part = files[number::ROUNDS]
            if not opensmile.absent:
                their_s.append(opensmile.run(*part)["file_s"])
            all_s.append(processor_s(partial(extract_audio, extractors=extractors), part))
            plain_s.append(processor_s(partial(extract_audio, extractors=plain), part))
        parts = _describe_extractors(files[:20], extractors)
    other = their_s or opensmile.absent
    absent = f"; {', '.join(missing)} has no weights here" if missing else ""
    return Benchmark(
        about=f"Audio features of {len(files)} clips ({source}), in processor time of one process, "
        f"reading the file included. Ours: {', '.join(extractors)}{absent}. Other: the 88 "
        "functionals of eGeMAPSv02 by `opensmile` 2.6.0, `Smile.process_files`.",
        comparisons=[
            compare("all extractors, a clip", all_s, other, figure="{:.3f} s", target="-"),
            compare(
                f"those without a network ({', '.join(plain)}), a clip",
                plain_s,
                other,
                figure="{:.3f} s",
                target="-",
            ),
        ],
        limit=f"Of a clip's time, in ms: {parts}.",
    )


def load_extractors(settings: Settings) -> tuple[Extractors, list[str]]:
    """Return the extractors that can run here, and the names of the others."""
    extractors, missing = {}, []
    for name, own_settings in settings.extractors_of("audio").items():
        extractor = extractor_class(name)(own_settings)
        try:
            extractors[name] = type(extractor)(extractor.settings, extractor.fetch_weights())
        except AssetError:
            missing.append(name)
    return audio_extractors(extractors), missing


def _describe_extractors(files: list[Path], extractors: Extractors) -> str:
    """Return the milliseconds of a clip that reading and each extractor take."""
    rates = {extractor.settings.sample_rate for extractor in extractors.values()}
    sounds = {rate: [read_sound(file, rate) for file in files] for rate in rates}
    seconds = {"reading": processor_s(partial(read_sound, sample_rate=min(rates)), files)}
    for name, extractor in extractors.items():
        seconds[name] = processor_s(extractor.extract, sounds[extractor.settings.sample_rate])
    return ", ".join(f"{name} {1000 * value:.1f}" for name, value in seconds.items())
