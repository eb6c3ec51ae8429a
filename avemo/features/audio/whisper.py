"""What OpenAI's Whisper hears: the hidden states of its encoder, made to recognise words.

The middle ones carry more emotion than the last.

Source:
    A. Radford et al.: Robust speech recognition via large-scale weak supervision. ICML 2023;
    weights MIT, https://huggingface.co/openai/whisper-tiny.en
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from ...pretrained.whisper_encoder import BANDS, POSITIONS, load, shrink
from ...schema import Strict
from .dsp.librosa_import import librosa

__all__ = [
    "ARRAYS",
    "MODALITY",
    "VERSION",
    "WEIGHTS",
    "Settings",
    "encode",
    "extract",
    "load",
    "log_mel",
    "shrink",
]

#: raised when the same sound and settings give other figures than before
VERSION = 1
MODALITY = "audio"
ARRAYS = {"whisper": "float16", "whisper_stats": "float32"}
#: what it needs, in `assets.ASSETS`
WEIGHTS = ("whisper_tiny_en",)

_RATE, _WINDOW, _HOP = 16000, 400, 160
_FRAME_MS = 20  # of a hidden state, which is of two frames of the spectrogram
_LONGEST = POSITIONS * _FRAME_MS * _RATE // 1000

Array = np.ndarray[Any, Any]
Model = Callable[[list[Array]], Any]


class Settings(Strict):
    """`extractors.whisper` in params.yaml."""

    sample_rate: Literal[16000]
    voiced_db: Annotated[float, Field(gt=0)]
    step_ms: Annotated[float, Field(gt=0, le=200, multiple_of=_FRAME_MS)]


def extract(sound: Array, settings: Settings, weights: Mapping[str, Path]) -> dict[str, Array]:
    """The hidden states of a whole clip, a frame each 20 ms.

    A frame is voiced where its level is at most `voiced_db` below that of the clip's loudest. A
    clip of more than 30 s is heard 30 s at a time.

    Args:
        sound: float32 mono [shape=(samples,)] at 16 kHz
        settings: see params.yaml
        weights: the file of each of `WEIGHTS`

    Returns:
        `whisper`: float16 [shape=(steps, 5 · 384)], from the first voiced frame to the last, the
        mean of each `step_ms`; `whisper_stats`: float32 [shape=(1, 5 · 2 · 384)], of each state in
        turn the mean and the deviation over the voiced frames

    Raises:
        AssetError: the file is not what it should be
    """
    model = _loaded(weights[WEIGHTS[0]])
    windows = [sound[at : at + _LONGEST] for at in range(0, max(1, len(sound)), _LONGEST)]
    mels = [log_mel(window) for window in windows]
    levels = np.concatenate([_levels(mel) for mel in mels])
    states = np.concatenate([_encoded(model, [mel])[0] for mel in mels])
    voiced = levels >= levels.max() - settings.voiced_db
    first, last = np.flatnonzero(voiced)[[0, -1]]
    steps = _steps(states[first : last + 1], round(settings.step_ms / _FRAME_MS))
    heard = states[voiced]
    stats = np.stack([heard.mean(axis=0), heard.std(axis=0)], axis=1)
    return {
        "whisper": steps.reshape(len(steps), -1).astype(np.float16),
        "whisper_stats": stats.reshape(1, -1),
    }


def encode(model: Model, sounds: Sequence[Array]) -> list[Array]:
    """The hidden states of several clips at once; of each what it has alone.

    Args:
        model: as `load` gives it
        sounds: float32 mono [shape=(samples,)] at 16 kHz, each at most 30 s

    Returns:
        of each clip float32 [shape=(frames, 5, 384)], 50 frames a second
    """
    return _encoded(model, [log_mel(sound) for sound in sounds])


def log_mel(sound: Array) -> Array:
    """The spectrogram that Whisper was trained on, of the clip's own length.

    Args:
        sound: float32 mono [shape=(samples,)] at 16 kHz, at most 30 s

    Returns:
        float32 [shape=(frames, 80)], 100 frames a second
    """
    padded = np.pad(sound, (0, max(0, _WINDOW - len(sound))))
    spectrum = librosa().stft(padded, n_fft=_WINDOW, hop_length=_HOP, pad_mode="reflect")[:, :-1]
    power = spectrum.real**2 + spectrum.imag**2
    found = np.log10(np.maximum(_filters() @ power, 1e-10))
    found = np.maximum(found, found.max() - 8.0)
    return np.ascontiguousarray((found.T + 4.0) / 4.0, np.float32)


@lru_cache(maxsize=1)
def _filters() -> Array:
    found: Array = librosa().filters.mel(sr=_RATE, n_fft=_WINDOW, n_mels=BANDS)
    return found


@lru_cache(maxsize=1)
def _loaded(file: Path) -> Model:
    """The encoder, traced once for clips of any number and length."""
    model = load(file)
    import tensorflow as tf

    inputs = [tf.TensorSpec((None, None, BANDS)), tf.TensorSpec((None, None))]
    traced: Model = tf.function(lambda given: model(given), input_signature=[inputs])
    return traced


def _encoded(model: Model, mels: Sequence[Array]) -> list[Array]:
    """The hidden states of spectrograms."""
    longest = max(len(mel) for mel in mels)
    given = np.zeros((len(mels), longest + longest % 2, BANDS), np.float32)
    inside = np.zeros(given.shape[:2], np.float32)
    for place, mel in enumerate(mels):
        given[place, : len(mel)] = mel
        inside[place, : len(mel)] = 1
    states = np.asarray(model([given, inside]))
    return [found[: (len(mel) + 1) // 2] for found, mel in zip(states, mels, strict=True)]


def _levels(mel: Array) -> Array:
    """Of each frame of a hidden state, in dB [shape=(frames,)]."""
    pairs = np.pad(mel, ((0, len(mel) % 2), (0, 0)), "edge").reshape(-1, 2, BANDS).mean(axis=1)
    levels: Array = 10 * np.log10((10 ** (4 * pairs - 4)).sum(axis=1))
    return levels


def _steps(states: Array, size: int) -> Array:
    """The mean of so many frames at a time; the last step may hold fewer."""
    starts = np.arange(0, len(states), size)
    counts = np.diff(starts, append=len(states))
    steps: Array = np.add.reduceat(states, starts) / counts[:, None, None]
    return steps
