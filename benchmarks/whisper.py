"""Whisper's encoder as an ONNX graph, against the same encoder in Keras."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from avemo import threads
from avemo.config import load_settings
from avemo.features.audio.whisper import Settings, Whisper, log_mel
from avemo.media.sound import read_sound
from avemo.pretrained import assets, whisper_encoder
from avemo.quiet import import_tensorflow_quietly
from avemo.runtime.graph import load_graph

from .measuring import Options, find_recordings, gflops_of_core, processor_s, spread_evenly
from .results import Benchmark, compare

CLIPS = 40
ROUNDS = 5

Floats = NDArray[np.float32]


def run(scratch: Path, options: Options) -> Benchmark:
    """Encode the same spectrograms in two processes in turn, each with one thread."""
    settings = Settings.model_validate(
        load_settings(Path(__file__).parents[1]).extractors["whisper"]
    )
    extractor = Whisper(settings, Whisper(settings).fetch_weights())
    files, source = find_recordings(scratch, options.recordings, ".wav")
    files = spread_evenly(files, CLIPS)
    sounds = [read_sound(file, settings.sample_rate) for file in files]
    mels = [log_mel(sound) for sound in sounds]
    graph, weights = extractor.weights["whisper_tiny_en"], assets.get("whisper_tiny_en")
    graph_s, keras_s = [], []
    context = get_context("spawn")
    with (
        threads.single_threaded(),  # and what the processes inherit
        ProcessPoolExecutor(1, context) as graph_process,
        ProcessPoolExecutor(1, context) as keras_process,
    ):
        for _ in range(ROUNDS):
            graph_s.append(graph_process.submit(_encode_by_graph, graph, mels).result())
            keras_s.append(keras_process.submit(_encode_by_keras, weights, mels).result())
        gflops = gflops_of_core()
        mel_s = processor_s(log_mel, sounds)
        extract_s = processor_s(extractor.extract, sounds)
    gflop = sum(map(_count_gflop, mels)) / len(mels)
    seconds = sum(map(len, sounds)) / settings.sample_rate / len(sounds)
    return Benchmark(
        about=f"The encoder of Whisper tiny.en on {len(files)} clips of {seconds:.1f} s in the "
        f"mean ({source}), one after the other, in processor time with one thread. Other: the same "
        "encoder in Keras, traced once by `tf.function`.",
        comparisons=[
            compare(
                "the encoder, a clip",
                graph_s,
                keras_s,
                figure="{:.3f} s",
                target="at most 1/4",
            )
        ],
        limit=f"The graph does {gflop:.1f} GFLOP a clip at {gflop / median(graph_s):.0f} GFLOP/s, "
        f"Keras at {gflop / median(keras_s):.0f}; a product of large matrices reaches "
        f"{gflops:.0f} on this core, which would take {gflop / gflops:.3f} s, "
        f"{gflop / gflops / median(keras_s):.2g} of Keras's time: the processor is the limit. All "
        f"of the extractor: {extract_s * 1000:.0f} ms a clip, of which {mel_s * 1000:.1f} for the "
        "spectrogram.",
    )


def _count_gflop(mel: Floats) -> float:
    """Return how many billion operations the encoder takes for a spectrogram."""
    bands, (width, _, layers) = whisper_encoder.BANDS, whisper_encoder.ENCODERS["tiny.en"]
    steps = len(mel) / 2
    convolutions = 3 * width * (2 * bands + width)
    block = 12 * width**2 + 2 * width * steps  # its matrices, and the attention
    return 2 * steps * (convolutions + layers * block) / 1e9


def _encode_by_graph(graph: Path, mels: list[Floats]) -> float:
    network = load_graph(graph)
    return _time_encoder(lambda mel, mask: network.run({"mel": mel, "mask": mask}), mels)


def _encode_by_keras(weights: Path, mels: list[Floats]) -> float:
    return _time_encoder(_trace_keras(weights), mels)


@lru_cache(maxsize=1)
def _trace_keras(weights: Path) -> Callable[[Floats, Floats], object]:
    """Return Keras's encoder, traced for clips of any length."""
    import_tensorflow_quietly()
    import tensorflow as tf

    model = whisper_encoder.load_encoder(weights)
    inputs = [tf.TensorSpec((None, None, whisper_encoder.BANDS)), tf.TensorSpec((None, None))]
    traced = tf.function(lambda mel, mask: model([mel, mask]), input_signature=inputs)
    return lambda mel, mask: traced(mel, mask).numpy()


def _time_encoder(encode: Callable[[Floats, Floats], object], mels: list[Floats]) -> float:
    """Return the processor time of a clip, in seconds."""
    # an even number of frames each
    batches = [np.pad(mel, ((0, len(mel) % 2), (0, 0)))[None] for mel in mels]
    masks = [np.ones(batch.shape[:2], np.float32) for batch in batches]
    encode(batches[0], masks[0])
    return processor_s(lambda pair: encode(*pair), list(zip(batches, masks, strict=True)))
