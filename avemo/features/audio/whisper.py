"""Hidden states of Whisper's encoder, which OpenAI trained to recognise words.

The middle ones carry more emotion than the last.

Source:
    A. Radford et al.: Robust speech recognition via large-scale weak supervision. ICML 2023;
    weights MIT, https://huggingface.co/openai/whisper-tiny.en (and -base, -base.en, -small.en)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field

from ...pretrained.whisper_encoder import BANDS, POSITIONS, ModelName, asset_name
from ...runtime.graph import Graph, load_graph
from ..arrays import Arrays, Sound
from ..extractor import AudioExtractor, AudioSettings
from .dsp.filters import hann_window, mel_filters

__all__ = ["Settings", "Whisper", "encode", "log_mel"]

_RATE, _WINDOW, _HOP = 16000, 400, 160
_FRAME_MS = 20  # of a hidden state, which is of two frames of the spectrogram
_LONGEST = POSITIONS * _FRAME_MS * _RATE // 1000

Floats = NDArray[np.float32]


class Settings(AudioSettings):
    """`extractors.whisper` in params.yaml."""

    # the default is left out of a specification, which is as it was before there was a choice
    model: Annotated[ModelName, Field(exclude_if=lambda model: model == "tiny.en")] = "tiny.en"
    sample_rate: Literal[16000]
    voiced_db: Annotated[float, Field(gt=0)]
    step_ms: Annotated[float, Field(gt=0, le=200, multiple_of=_FRAME_MS)]


SettingsT = TypeVar("SettingsT", bound=Settings, covariant=True)


class Whisper(AudioExtractor[SettingsT]):
    """Hidden states over time, and their statistics."""

    settings_class: ClassVar[type[Settings]] = Settings
    version = 2
    dtypes: ClassVar = {"whisper": "float16", "whisper_stats": "float32"}

    def __init__(self, settings: SettingsT, weights: Mapping[str, Path] | None = None) -> None:
        self.weight_names = (asset_name(settings.model),)
        super().__init__(settings, weights)

    def extract(self, sound: Sound) -> Arrays:
        """Return the hidden states of a clip over time, and their statistics, see `hear`.

        Args:
            sound: float32 mono [shape=(samples,)] at 16 kHz

        Raises:
            GraphError: the network cannot be run here
        """
        steps, stats = self.hear(sound)
        return dict(zip(self.dtypes, (steps, stats), strict=True))

    def hear(self, sound: Sound) -> tuple[NDArray[np.float16], Floats]:
        """Return the hidden states of a clip, a frame each 20 ms, and their statistics.

        A frame is voiced where its level is at most `voiced_db` below that of the clip's loudest. A
        clip of more than 30 s is encoded 30 s at a time.

        Args:
            sound: float32 mono [shape=(samples,)] at 16 kHz

        Returns:
            float16 [shape=(steps, states · width)], from the first voiced frame to the last, the
            mean of each `step_ms`; float32 [shape=(1, states · 2 · width)], of each state in turn
            the mean and the deviation over the voiced frames. tiny.en has 5 states of width 384;
            see `whisper_encoder.ENCODERS`

        Raises:
            GraphError: the network cannot be run here
        """
        (file,) = self.weights.values()
        encoder = load_graph(file)
        starts = range(0, max(1, len(sound)), _LONGEST)
        mels = [log_mel(sound[start : start + _LONGEST]) for start in starts]
        levels = np.concatenate([_levels(mel) for mel in mels])
        states = np.concatenate([_encode_spectrograms(encoder, [mel])[0] for mel in mels])
        voiced = levels >= levels.max() - self.settings.voiced_db
        first, last = np.flatnonzero(voiced)[[0, -1]]
        frames_per_step = round(self.settings.step_ms / _FRAME_MS)
        steps = _average_steps(states[first : last + 1], frames_per_step)
        voiced_states = states[voiced]
        stats = np.stack([voiced_states.mean(axis=0), voiced_states.std(axis=0)], axis=1)
        return steps.reshape(len(steps), -1).astype(np.float16), stats.reshape(1, -1)


def encode(encoder: Graph, sounds: Sequence[Sound]) -> list[Floats]:
    """Return the hidden states of several clips at once; each is what the clip has alone.

    Args:
        encoder: the network, see `whisper_encoder`
        sounds: float32 mono [shape=(samples,)] at 16 kHz, each at most 30 s

    Returns:
        for each clip float32 [shape=(frames, states, width)], 50 frames a second
    """
    return _encode_spectrograms(encoder, [log_mel(sound) for sound in sounds])


def log_mel(sound: Sound) -> Floats:
    """Return the spectrogram that Whisper was trained on, of the clip's own length.

    Args:
        sound: float32 mono [shape=(samples,)] at 16 kHz, at most 30 s

    Returns:
        float32 [shape=(frames, 80)], 100 frames a second
    """
    padded = np.pad(sound, (0, max(0, _WINDOW - len(sound))))
    centred = np.pad(padded, _WINDOW // 2, mode="reflect")
    frames = sliding_window_view(centred, _WINDOW)[::_HOP][:-1] * hann_window(_WINDOW)
    spectrum = np.fft.rfft(frames).astype(np.complex64).T
    power = spectrum.real**2 + spectrum.imag**2
    logarithms = np.log10(np.maximum(_filters() @ power, 1e-10))
    logarithms = np.maximum(logarithms, logarithms.max() - 8.0)
    return np.ascontiguousarray((logarithms.T + 4.0) / 4.0, np.float32)


@lru_cache(maxsize=1)
def _filters() -> Floats:
    return mel_filters(_RATE, _WINDOW, BANDS)


def _encode_spectrograms(encoder: Graph, mels: Sequence[Floats]) -> list[Floats]:
    longest = max(len(mel) for mel in mels)
    batch = np.zeros((len(mels), longest + longest % 2, BANDS), np.float32)
    mask = np.zeros(batch.shape[:2], np.float32)
    for row, mel in enumerate(mels):
        batch[row, : len(mel)] = mel
        mask[row, : len(mel)] = 1
    (states,) = encoder.run({"mel": batch, "mask": mask})
    return [rows[: (len(mel) + 1) // 2] for rows, mel in zip(states, mels, strict=True)]


def _levels(mel: Floats) -> Floats:
    """Return the level of each frame of a hidden state, in dB [shape=(frames,)]."""
    pairs = np.pad(mel, ((0, len(mel) % 2), (0, 0)), "edge").reshape(-1, 2, BANDS).mean(axis=1)
    levels: Floats = 10 * np.log10((10 ** (4 * pairs - 4)).sum(axis=1))
    return levels


def _average_steps(states: Floats, frames_per_step: int) -> NDArray[np.float64]:
    """Return the mean of so many frames at a time; the last step may hold fewer."""
    starts = np.arange(0, len(states), frames_per_step)
    counts = np.diff(starts, append=len(states))
    steps: NDArray[np.float64] = np.add.reduceat(states, starts) / counts[:, None, None]
    return steps
