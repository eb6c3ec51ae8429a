"""The settings that mfcc and logmel share, and librosa's names for them."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from ..settings import Strict

__all__ = ["Mel"]


class Mel(Strict):
    """A mel spectrogram: windows of sound, bands of frequency."""

    sample_rate: Annotated[int, Field(ge=1000)]
    window_ms: Annotated[float, Field(gt=0)]
    hop_ms: Annotated[float, Field(gt=0)]
    low_hz: Annotated[float, Field(ge=0)]
    high_hz: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _fits(self) -> "Mel":
        if not self.low_hz < self.high_hz <= self.sample_rate / 2:
            raise ValueError(
                f"low_hz {self.low_hz:g} < high_hz {self.high_hz:g} <= {self.sample_rate / 2:g},"
                " half the sample rate, is expected"
            )
        if self.hop_ms > self.window_ms:
            raise ValueError("hop_ms must not exceed window_ms: sound would be lost in between")
        return self

    @property
    def librosa(self) -> dict[str, Any]:
        """What `librosa.feature` takes. Zeros stand before and after the sound."""
        return {
            "sr": self.sample_rate,
            "n_fft": round(self.window_ms * self.sample_rate / 1000),
            "hop_length": round(self.hop_ms * self.sample_rate / 1000),
            "fmin": self.low_hz,
            "fmax": self.high_hz,
        }
