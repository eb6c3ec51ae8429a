import numpy as np
import pytest
from numpy.typing import NDArray

from avemo.media.levels import LevelMeter, dc_offset, to_dbfs


def tone(
    *parts: tuple[float, float], rate: int = 48_000, hz: int = 1000, channels: int = 2
) -> NDArray[np.float64]:
    """A sine of (seconds, dBFS) after (seconds, dBFS), the same in each channel."""
    level = np.concatenate([np.full(round(s * rate), 10 ** (dbfs / 20)) for s, dbfs in parts])
    sound = level * np.sin(2 * np.pi * hz * np.arange(len(level)) / rate)
    return np.repeat(sound[:, None], channels, axis=1)


def measure(sound: NDArray[np.float64], rate: int = 48_000, block: int | None = None) -> LevelMeter:
    level = LevelMeter(rate, sound.shape[1])
    for start in range(0, len(sound), block or max(1, len(sound))):
        level.add(sound[start : start + (block or len(sound))].astype(np.float32))
    return level


@pytest.mark.parametrize("block", [7, 1024, 65536])
def test_the_size_of_the_blocks_does_not_matter(block: int) -> None:
    rng = np.random.default_rng(0)
    sound = rng.uniform(-1, 1, (12_345, 2)) * np.linspace(0, 1, 12_345)[:, None]
    in_blocks, at_once = measure(sound, 16_000, block), measure(sound, 16_000)
    assert (in_blocks.samples, in_blocks.clipped_ratio) == (at_once.samples, at_once.clipped_ratio)
    assert in_blocks.peak_dbfs == pytest.approx(at_once.peak_dbfs)


def test_one_channel_peaks_as_two_equal_ones() -> None:
    mono, stereo = (measure(tone((1, -20), channels=count)) for count in (1, 2))
    assert stereo.peak_dbfs == pytest.approx(mono.peak_dbfs)


def test_peak_and_duration() -> None:
    level = measure(tone((1.5, -6), hz=997))
    assert level.peak_dbfs == pytest.approx(-6, abs=0.01)
    assert level.duration_s == 1.5
    assert measure(np.zeros((100, 2))).peak_dbfs == -np.inf


def test_channels_that_cancel_each_other_are_heard() -> None:
    opposite = measure(tone((1, -6)) * [0.5, -1])
    assert opposite.channel == 1
    assert opposite.peak_dbfs == pytest.approx(-6, abs=0.01)
    surround = np.zeros((48_000, 6))
    surround[:, 2] = tone((1, -6))[:, 0]
    assert measure(surround).channel == 2


def test_the_mean_is_heard_where_it_loses_nothing() -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, (48_000, 10))
    for sound in (noise, tone((1, -6)), tone((1, -6)) * [1, 0], noise[:, :1]):
        assert measure(sound).channel is None


@pytest.mark.parametrize("top", [32767 / 32768, -1.0, 1.5])
def test_samples_at_full_scale_are_clipped(top: float) -> None:
    sound = np.full((1000, 2), 0.5)
    sound[:10, 0] = top
    sound[10:20, 1] = 32766 / 32768
    assert measure(sound).clipped_ratio == 10 / 2000


def test_decibels() -> None:
    assert to_dbfs(1.0) == 0
    assert to_dbfs(0.1) == pytest.approx(-20)
    assert to_dbfs(0.0) == -np.inf


def test_the_peak_stands_on_the_offset() -> None:
    sound = tone((1, -20), hz=997)
    for offset in (0.5, -0.5, 0.005):
        assert measure(sound + offset).peak_dbfs == pytest.approx(-20, abs=0.01)
        assert measure(np.full((1000, 2), offset)).peak_dbfs < -150
    assert measure(sound + 0.004).peak_dbfs == pytest.approx(20 * np.log10(0.104), abs=0.01)


@pytest.mark.parametrize(
    ("mean", "peak", "offset"),
    [(0.02, 0.5, 0.02), (-0.02, 0.5, -0.02), (0.004, 0.5, 0), (0.004, 0.03, 0.004), (0, 0, 0)],
)
def test_a_mean_is_an_offset_where_it_is_large_or_the_sound_is_small(
    mean: float, peak: float, offset: float
) -> None:
    assert dc_offset(mean, peak) == offset
