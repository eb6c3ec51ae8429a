"""A clip's features by each way that computes them, with the threads that each way had.

python one_thread.py WEIGHTS RECOGNISER RESULT TENSORFLOW_THREADS CLIP...
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
from avemo.inference.recogniser import Recogniser
from avemo.media.clip import Clip, Media
from avemo.quiet import import_tensorflow_quietly

#: features by name, and how many threads each library used
Computed = tuple[dict[str, Any], dict[str, int]]
SETTINGS = Settings(sample_rate=16000, voiced_db=35.0, step_ms=60.0)


def threads(_: object = None) -> dict[str, int]:
    """How many each library uses where this is called; loads those that are not loaded yet."""
    import_tensorflow_quietly()
    import cv2
    import scipy.linalg  # noqa: F401
    from tensorflow import config
    from threadpoolctl import threadpool_info

    return {Path(pool["filepath"]).name: pool["num_threads"] for pool in threadpool_info()} | {
        "opencv": cv2.getNumThreads(),
        "tensorflow intra-op": config.threading.get_intra_op_parallelism_threads(),
        "tensorflow inter-op": config.threading.get_inter_op_parallelism_threads(),
    }


class Extract:
    """What `engine.run` is given: a clip's features, and the threads they were computed with."""

    def __init__(self, weights: Path) -> None:
        self.weights = weights

    def __call__(self, clip: Path) -> Computed:
        extractor = Whisper(SETTINGS, {"whisper_tiny_en": self.weights})
        arrays = extract_audio(clip, {"whisper": extractor})["whisper"]
        return arrays, threads()


class Serve(Recogniser):
    """A recogniser that gives away what it heard."""

    def _predict(self, media: Media, picture: Media | None = None) -> Any:
        probabilities = super()._predict(media, picture).probabilities
        features = self._audio_features(Clip.of(media))
        arrays = {**features, "probabilities": list(probabilities.values())}
        return arrays, threads()

    def __reduce__(self) -> tuple[type, tuple[Path]]:
        return Serve, (self.folder,)


def compute_with(threads: int) -> None:
    """Let TensorFlow compute something with several threads, as training does."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.constant(1) + 1
    assert tf.config.threading.get_intra_op_parallelism_threads() == threads


def main(weights: str, recogniser: str, result: str, tensorflow_threads: str, *clips: str) -> None:
    if int(tensorflow_threads):
        compute_with(int(tensorflow_threads))
    files = [Path(clip) for clip in clips]
    extract, serve = Extract(Path(weights)), Serve(Path(recogniser))
    ways: dict[str, Iterator[Any]] = {
        "one worker": engine.run(extract, files, title="one", workers=1),
        "two workers": engine.run(extract, files, title="two", workers=2),
        "a serving process": map(serve.predict, [clip.read_bytes() for clip in files]),
    }
    if int(tensorflow_threads):
        del ways["two workers"]  # they do not know of it
    results = {}
    for way, computed in ways.items():
        clip_arrays, counts = zip(*computed, strict=True)
        table = pd.DataFrame(list(clip_arrays))
        results[way] = table.assign(performance=[clip.stem for clip in files]), counts[-1]
    Path(result).write_bytes(pickle.dumps(results))


if __name__ == "__main__":
    import_tensorflow_quietly()
    main(*sys.argv[1:])
