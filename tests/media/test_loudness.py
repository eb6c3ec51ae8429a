import tracemalloc

import numpy as np
import pytest

from avemo.media.loudness import Level, _k_weighting, dbfs, offset_of


def tone(*parts, rate=48_000, hz=1000, channels=2):
    """A sine of (seconds, dBFS) after (seconds, dBFS), the same in each channel."""
    level = np.concatenate([np.full(round(s * rate), 10 ** (dbfs / 20)) for s, dbfs in parts])
    sound = level * np.sin(2 * np.pi * hz * np.arange(len(level)) / rate)
    return np.repeat(sound[:, None], channels, axis=1)


def measured(sound, rate=48_000, block=None):
    level = Level(rate, sound.shape[1])
    for start in range(0, len(sound), block or max(1, len(sound))):
        level.take(sound[start : start + (block or len(sound))])
    return level


# EBU Tech 3341, "Minimum requirements test signals", cases 1 to 5
@pytest.mark.parametrize("rate", [48_000, 16_000])
@pytest.mark.parametrize(
    ("parts", "lufs"),
    [
        ([(20, -23)], -23),
        ([(20, -33)], -33),
        ([(10, -36), (60, -23), (10, -36)], -23),
        ([(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)], -23),
        ([(20, -26), (20.1, -20), (20, -26)], -23),
    ],
)
def test_ebu_signals(parts, lufs, rate):
    assert measured(tone(*parts, rate=rate), rate, 65536).lufs == pytest.approx(lufs, abs=0.1)


def test_ebu_surround():
    # case 6: left and right, centre, both surrounds
    sound = tone((20, 0), channels=5) * 10 ** (np.array([-28, -28, -24, -30, -30]) / 20)
    assert measured(sound).lufs == pytest.approx(-23, abs=0.1)
    effects = np.insert(sound, 3, sound[:, 0] * 5, axis=1)  # of 5.1, and does not count
    assert measured(effects).lufs == pytest.approx(-23, abs=0.1)


def test_the_standard_s_coefficients():
    expected = [
        [1.53512486, -2.69169619, 1.19839281, 1, -1.69065929, 0.73248077],
        [1, -2, 1, 1, -1.99004745, 0.99007225],
    ]
    np.testing.assert_allclose(_k_weighting(48_000), expected, atol=1e-8)


@pytest.mark.parametrize("rate", [48_000, 44_100, 16_000, 11_025])
def test_low_tones_count_less_and_high_tones_more(rate):
    low, middle, high = (
        measured(tone((2, -23), rate=rate, hz=hz), rate) for hz in (40, 1000, 4000)
    )
    assert low.lufs < middle.lufs - 4
    assert high.lufs == pytest.approx(middle.lufs + 3.3, abs=0.4)


@pytest.mark.parametrize("block", [7, 1024, 65536])
def test_the_size_of_the_blocks_does_not_matter(block):
    rng = np.random.default_rng(0)
    sound = rng.uniform(-1, 1, (12_345, 2)) * np.linspace(0, 1, 12_345)[:, None]
    part, whole = measured(sound, 16_000, block), measured(sound, 16_000)
    assert part.lufs == pytest.approx(whole.lufs, abs=1e-6)
    assert (part.samples, part.clipped) == (whole.samples, whole.clipped)
    assert part.peak_dbfs == pytest.approx(whole.peak_dbfs)


def test_one_channel_is_half_of_two():
    mono, stereo = (measured(tone((1, -20), channels=count)) for count in (1, 2))
    assert stereo.lufs - mono.lufs == pytest.approx(3.01, abs=0.01)
    assert stereo.peak_dbfs == pytest.approx(mono.peak_dbfs)


def test_what_has_no_loudness():
    assert measured(tone((0.39, -20))).lufs is None
    assert measured(tone((0.41, -20))).lufs is not None
    assert measured(tone((1, -20), rate=3000, hz=200), 3000).lufs is None
    assert measured(np.zeros((48_000, 1))).lufs == -np.inf
    assert measured(tone((1, -75))).lufs == -np.inf
    assert Level(48_000, 1).lufs is None


@pytest.mark.parametrize("level", [20, 30, 45])
def test_what_is_louder_than_full_scale_has_a_loudness(level):
    assert measured(tone((1, level))).lufs == pytest.approx(level, abs=0.1)


def test_peak_and_duration():
    level = measured(tone((1.5, -6), hz=997))
    assert level.peak_dbfs == pytest.approx(-6, abs=0.01)
    assert level.duration_s == 1.5
    opposite = tone((1, -6)) * [1, -1]
    assert measured(opposite).peak_dbfs == measured(np.zeros((100, 2))).peak_dbfs == -np.inf


@pytest.mark.parametrize("top", [32767 / 32768, -1.0, 1.5])
def test_samples_at_full_scale_are_clipped(top):
    sound = np.full((1000, 2), 0.5)
    sound[:10, 0] = top
    sound[10:20, 1] = 32766 / 32768
    assert measured(sound).clipped == 10 / 2000


def test_decibels():
    assert dbfs(1.0) == 0
    assert dbfs(0.1) == pytest.approx(-20)
    assert dbfs(0.0) == -np.inf


def test_the_peak_stands_on_the_offset():
    sound = tone((1, -20), hz=997)
    for offset in (0.5, -0.5, 0.005):
        assert measured(sound + offset).peak_dbfs == pytest.approx(-20, abs=0.01)
        assert measured(np.full((1000, 2), offset)).peak_dbfs < -150
    assert measured(sound + 0.004).peak_dbfs == pytest.approx(20 * np.log10(0.104), abs=0.01)


@pytest.mark.parametrize(
    ("mean", "peak", "offset"),
    [(0.02, 0.5, 0.02), (-0.02, 0.5, -0.02), (0.004, 0.5, 0), (0.004, 0.03, 0.004), (0, 0, 0)],
)
def test_a_mean_is_an_offset_where_it_is_large_or_the_sound_is_small(mean, peak, offset):
    assert offset_of(mean, peak) == offset


def test_half_an_hour_takes_the_memory_of_a_second():
    second = tone((1, -23), rate=4000, channels=1)

    def taken(seconds):
        level = Level(4000, 1)
        level.take(second)
        tracemalloc.start()
        for _ in range(seconds):
            level.take(second)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return kept

    assert taken(1800) < taken(10) + 50_000  # a number each 0.1 s would be 140 kB
