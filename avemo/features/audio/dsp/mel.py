"""The mel spectrogram that mfcc and logmel share, and its settings."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ...arrays import Sound
from ...extractor import AudioSettings
from .filters import hann_window, mel_filters

__all__ = ["MelSettings"]


class MelSettings(AudioSettings):
    """Settings of a mel spectrogram: windows of sound, bands of frequency."""

    sample_rate: Annotated[int, Field(ge=1000)]
    window_ms: Annotated[float, Field(gt=0)]
    hop_ms: Annotated[float, Field(gt=0)]
    low_hz: Annotated[float, Field(ge=0)]
    high_hz: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _check_ranges(self) -> MelSettings:
        if not self.low_hz < self.high_hz <= self.sample_rate / 2:
            raise ValueError(
                f"low_hz {self.low_hz:g} < high_hz {self.high_hz:g} <= {self.sample_rate / 2:g},"
                " half the sample rate, is expected"
            )
        if self.hop_ms > self.window_ms:
            raise ValueError("hop_ms must not exceed window_ms: sound would be lost in between")
        return self

    def mel_power(self, sound: Sound, bands: int) -> NDArray[np.float32]:
        """Return the power in each band of each window. The sound is padded with zeros.

        Ten seconds are transformed at a time, so that memory does not grow with the clip.

        Args:
            sound: float32 mono [shape=(samples,)] at `sample_rate`
            bands: how many

        Returns:
            float32 [shape=(frames, bands)]
        """
        from scipy.fft import rfft

        window = round(self.window_ms * self.sample_rate / 1000)
        hop = round(self.hop_ms * self.sample_rate / 1000)
        taper, filters = _tables(self.sample_rate, window, bands, self.low_hz, self.high_hz)
        frames = sliding_window_view(np.pad(sound, window // 2), window)[::hop]
        step = max(1, 10 * self.sample_rate // hop)
        blocks = []
        for start in range(0, len(frames), step):
            spectrum = rfft(frames[start : start + step] * taper)
            blocks.append((spectrum.real**2 + spectrum.imag**2) @ filters)
        return np.concatenate(blocks)


@lru_cache(maxsize=8)
def _tables(
    sample_rate: int, window: int, bands: int, low_hz: float, high_hz: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return Hann's window, and Slaney's mel filters [shape=(1 + window // 2, bands)].

    Computing them for each clip anew would take as long as the transform.
    """
    bank = mel_filters(sample_rate, window, bands, low_hz, high_hz)
    return hann_window(window).astype(np.float32), np.ascontiguousarray(bank.T)
