"""Windows, filters and pitch are those of librosa, which takes half a second to import."""

import numpy as np
import pytest
from helpers.sounds import voice
from numpy.lib.stride_tricks import sliding_window_view

from avemo.features.audio.dsp.filters import hann_window, mel_filters
from avemo.features.audio.dsp.librosa_import import import_librosa
from avemo.features.audio.dsp.pitch import yin

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("size", [400, 768, 1024])
def test_hann_s_window(size: int) -> None:
    expected = import_librosa().filters.get_window("hann", size)
    assert np.array_equal(hann_window(size).astype("f"), expected.astype("f"))


@pytest.mark.parametrize(
    ("rate", "size", "bands", "low_hz", "high_hz"),
    [
        (16000, 400, 80, 0.0, None),
        (16000, 768, 128, 60.0, 7600.0),
        (16000, 2048, 26, 50.0, None),
        (22050, 2048, 64, 1200.0, 8000.0),
    ],
)
def test_mel_filters(
    rate: int, size: int, bands: int, low_hz: float, high_hz: float | None
) -> None:
    expected = import_librosa().filters.mel(
        sr=rate, n_fft=size, n_mels=bands, fmin=low_hz, fmax=high_hz
    )
    assert np.array_equal(mel_filters(rate, size, bands, low_hz, high_hz), expected)


@pytest.mark.parametrize(("low_hz", "high_hz"), [(60.0, 500.0), (100.0, 1000.0)])
def test_pitch(low_hz: float, high_hz: float) -> None:
    rate, window, hop = 16000, 1024, 160
    sound = voice(rate).astype("f")
    sound[5000:9000] = 0
    sound[9000:12000] = np.random.default_rng(1).normal(size=3000)
    expected = import_librosa().yin(
        sound, fmin=low_hz, fmax=high_hz, sr=rate, frame_length=window, hop_length=hop, center=False
    )
    pitch = yin(sliding_window_view(sound, window)[::hop], rate, low_hz, high_hz)
    np.testing.assert_allclose(pitch, expected, rtol=1e-5)
