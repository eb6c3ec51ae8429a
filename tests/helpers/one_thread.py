"""A clip's features by each way that computes them, with the threads that each way had.

python one_thread.py WEIGHTS RECOGNISER RESULT TENSORFLOW_THREADS CLIP...
"""

import pickle
import sys
from pathlib import Path

import pandas as pd

from avemo import engine
from avemo.features.audio.whisper import Settings, Whisper
from avemo.features.run import extract_audio
from avemo.inference.recogniser import Recogniser
from avemo.quiet import import_tensorflow_quietly

SETTINGS = Settings(sample_rate=16000, voiced_db=35.0, step_ms=60.0)


def threads(_=None):
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

    def __init__(self, weights):
        self.weights = weights

    def __call__(self, clip):
        extractor = Whisper(SETTINGS, {"whisper_tiny_en": self.weights})
        arrays = extract_audio(clip, {"whisper": extractor})["whisper"]
        return arrays, threads()


class Serve(Recogniser):
    """A recogniser that gives away what it heard."""

    def _predict(self, media):
        probabilities = super()._predict(media).probabilities
        arrays = {**self._audio_features(media), "probabilities": list(probabilities.values())}
        return arrays, threads()

    def __reduce__(self):
        return Serve, (self.folder,)


def compute_with(threads):
    """Let TensorFlow compute something with several threads, as training does."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.constant(1) + 1
    assert tf.config.threading.get_intra_op_parallelism_threads() == threads


def main(weights, recogniser, result, tensorflow_threads, *clips):
    if int(tensorflow_threads):
        compute_with(int(tensorflow_threads))
    clips = [Path(clip) for clip in clips]
    extract, serve = Extract(Path(weights)), Serve(Path(recogniser))
    ways = {
        "one worker": engine.run(extract, clips, title="one", workers=1),
        "two workers": engine.run(extract, clips, title="two", workers=2),
        "a serving process": map(serve.predict, [clip.read_bytes() for clip in clips]),
    }
    if int(tensorflow_threads):
        del ways["two workers"]  # they do not know of it
    results = {}
    for way, computed in ways.items():
        clip_arrays, counts = zip(*computed, strict=True)
        table = pd.DataFrame(list(clip_arrays))
        results[way] = table.assign(performance=[clip.stem for clip in clips]), counts[-1]
    Path(result).write_bytes(pickle.dumps(results))


if __name__ == "__main__":
    import_tensorflow_quietly()
    main(*sys.argv[1:])
