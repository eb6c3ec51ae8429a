"""A clip's features by each way that computes them, with the threads that each way had.

python one_thread.py GRAPH RECOGNISER RESULT CLIP...
"""

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from avemo import engine
from avemo.features.audio.whisper import Settings, Whisper
from avemo.features.run import extract_audio
from avemo.inference.adaptation import SpeakerStatistics
from avemo.inference.recogniser import Recogniser
from avemo.media.clip import Clip, Media

#: features by name, and how many threads each library used
Computed = tuple[dict[str, Any], dict[str, int]]
SETTINGS = Settings(sample_rate=16000, voiced_db=35.0, step_ms=60.0)


def threads(_: object = None) -> dict[str, int]:
    """How many each library uses where this is called; loads those that are not loaded yet."""
    import cv2
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_info

    pools = {Path(pool["filepath"]).name: pool["num_threads"] for pool in threadpool_info()}
    return pools | {"opencv": cv2.getNumThreads()}


class Extract:
    """What `engine.run` is given: a clip's features, and the threads they were computed with."""

    def __init__(self, graph: Path) -> None:
        self.graph = graph

    def __call__(self, clip: Path) -> Computed:
        extractor = Whisper(SETTINGS, {"whisper_tiny_en": self.graph})
        arrays = extract_audio(clip, {"whisper": extractor})["whisper"]
        return arrays, threads()


class Serve(Recogniser):
    """A recogniser that gives away what it heard."""

    def _predict(
        self, media: Media, picture: Media | None, speaker: SpeakerStatistics | None
    ) -> Any:
        probabilities = super()._predict(media, picture, speaker).probabilities
        features = self._reader.from_sound(Clip.of(media).sound)
        arrays = {**features, "probabilities": list(probabilities.values())}
        return arrays, threads()

    def __reduce__(self) -> tuple[type, tuple[Path]]:
        return Serve, (self.folder,)


def main(graph: str, recogniser: str, result: str, *clips: str) -> None:
    files = [Path(clip) for clip in clips]
    extract, serve = Extract(Path(graph)), Serve(Path(recogniser))
    ways: dict[str, Iterator[Any]] = {
        "one worker": engine.run(extract, files, title="one", workers=1),
        "two workers": engine.run(extract, files, title="two", workers=2),
        "a serving process": map(serve.predict, [clip.read_bytes() for clip in files]),
    }
    results = {}
    for way, computed in ways.items():
        clip_arrays, counts = zip(*computed, strict=True)
        table = pd.DataFrame(list(clip_arrays))
        results[way] = table.assign(performance=[clip.stem for clip in files]), counts[-1]
    Path(result).write_bytes(pickle.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
