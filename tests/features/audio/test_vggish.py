from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
import soxr
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import ValidationError

from avemo.errors import AssetError
from avemo.features.arrays import Arrays, Sound
from avemo.features.audio import vggish
from avemo.pretrained import assets
from avemo.pretrained import vggish as vggish_network
from avemo.runtime import pretrained_graphs

if TYPE_CHECKING:
    import keras

SHARED = Path(__file__).parents[3] / "../shared/weights"
RATE: Final = 16000
SETTINGS = vggish.Settings(sample_rate=RATE, patch_hop_s=0.96)
SHAPES = {
    "conv1": (3, 3, 1, 64),
    "conv2": (3, 3, 64, 128),
    "conv3/conv3_1": (3, 3, 128, 256),
    "conv3/conv3_2": (3, 3, 256, 256),
    "conv4/conv4_1": (3, 3, 256, 512),
    "conv4/conv4_2": (3, 3, 512, 512),
    "fc1/fc1_1": (12288, 4096),
    "fc1/fc1_2": (4096, 4096),
    "fc2": (4096, 128),
}
POOLED_AFTER = ("conv1", "conv2", "conv3/conv3_2", "conv4/conv4_2")

#: the file of the parameters, and its values
Pca = tuple[Path, dict[str, Sound]]


def noise(samples: int) -> Sound:
    """Noise that swells from very soft to loud."""
    loudness = np.logspace(-5, -0.5, samples)
    return (np.random.default_rng(0).standard_normal(samples) * loudness).astype("f")


def tensors(names: Iterable[str] = tuple(SHAPES)) -> dict[str, Sound]:
    """Random values for the published tensors, of a size that keeps activations near one."""
    rng = np.random.default_rng(1)
    values: dict[str, Sound] = {}
    for name in names:
        shape = SHAPES[name]
        values[f"vggish/{name}/weights"] = rng.standard_normal(shape, "f")
        values[f"vggish/{name}/weights"] *= np.sqrt(2 / np.prod(shape[:-1]))
        values[f"vggish/{name}/biases"] = 0.1 * rng.standard_normal(shape[-1], "f")
    return values


def save(file: Path, values: Mapping[str, Sound]) -> Path:
    """One file, in the format of the release: that of TensorFlow's first version."""
    import tensorflow as tf

    tf.raw_ops.Save(filename=str(file), tensor_names=list(values), data=list(values.values()))
    return file


def forward(patch: NDArray[np.floating], values: Mapping[str, Sound]) -> NDArray[np.floating]:
    """The published network, written out, for one patch [96, 64]."""
    x: NDArray[np.floating] = patch[:, :, None]
    for name in SHAPES:
        weights, biases = values[f"vggish/{name}/weights"], values[f"vggish/{name}/biases"]
        if weights.ndim == 4:
            windows = sliding_window_view(np.pad(x, ((1, 1), (1, 1), (0, 0))), (3, 3), (0, 1))
            x = np.tensordot(windows, weights, axes=((3, 4, 2), (0, 1, 2)))
        else:
            x = x.ravel() @ weights
        x = np.maximum(x + biases, 0)
        if name in POOLED_AFTER:
            high, wide, deep = x.shape
            x = x.reshape(high // 2, 2, wide // 2, 2, deep).max(axis=(1, 3))
    return x


def spectrogram(sound: Sound) -> NDArray[np.float64]:
    """The published front end, written out frame by frame and band by band."""

    def mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1127 * np.log(1 + hz / 700)

    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    edges = np.linspace(mel(np.array(125.0)), mel(np.array(7500.0)), 66)
    place = mel(np.linspace(0, 8000, 257))
    bank = np.array([np.interp(place, edges[i : i + 3], [0, 1, 0]) for i in range(64)])
    starts = range(0, len(sound) - 400 + 1, 160)
    magnitude = [np.abs(np.fft.rfft(sound[at : at + 400] * taper, 512)) for at in starts]
    logarithms: NDArray[np.float64] = np.log(np.array(magnitude) @ bank.T + 0.01)
    return logarithms


def quantised(
    embeddings: NDArray[np.float64], parameters: Mapping[str, Sound]
) -> NDArray[np.uint8]:
    """The published post-processing, written out."""
    columns = embeddings.T - parameters["pca_means"]
    components = np.dot(parameters["pca_eigen_vectors"], columns).T
    levels: NDArray[np.uint8] = ((np.clip(components, -2, 2) + 2) * 255 / 4).astype(np.uint8)
    return levels


@pytest.fixture(scope="module")
def pca(tmp_path_factory: pytest.TempPathFactory) -> Pca:
    rng = np.random.default_rng(2)
    values = {
        "pca_eigen_vectors": 0.1 * rng.standard_normal((128, 128), "f"),
        "pca_means": 0.1 * rng.standard_normal((128, 1), "f"),
    }
    file = tmp_path_factory.mktemp("pca") / "pca.npz"
    np.savez(file, allow_pickle=False, **values)
    return file, values


class Echo:
    """In the network's place: says what it was batch, and how many patches at a time."""

    def __init__(self) -> None:
        self.batches: list[Sound] = []

    def run(self, inputs: Mapping[str, Sound]) -> list[Sound]:
        self.batches.append(inputs["patch"])
        return [np.zeros((len(inputs["patch"]), 128), "f")]


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> Echo:
    echo = Echo()
    monkeypatch.setattr(vggish, "load_graph", lambda _: echo)
    return echo


def extract(sound: Sound, pca: Pca, **change: float) -> Arrays:
    settings = SETTINGS.model_copy(update=change)
    return vggish.Vggish(settings, {"vggish": Path(), "vggish_pca": pca[0]}).extract(sound)


@pytest.mark.parametrize("samples", [400, 559, 560, 30000, 200000])
def test_log_mel_by_the_definition(samples: int) -> None:
    sound = noise(samples)
    features = vggish.log_mel(sound)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, spectrogram(sound), atol=1e-5)


@pytest.mark.parametrize(
    ("samples", "patches"), [(1, 1), (15600, 1), (30959, 1), (30960, 2), (48000, 3)]
)
def test_patches_of_96_frames(samples: int, patches: int, pca: Pca, echo: Echo) -> None:
    features = extract(noise(samples), pca)
    assert features["vggish"].shape == features["vggish_pca"].shape == (patches, 128)
    assert {name: array.dtype.name for name, array in features.items()} == vggish.Vggish.dtypes
    (batch,) = echo.batches
    mel = spectrogram(np.pad(noise(samples), (0, max(0, 15600 - samples))))
    expected = [mel[96 * i : 96 * i + 96] for i in range(patches)]
    np.testing.assert_allclose(batch, expected, atol=1e-5)


def test_patches_may_overlap(pca: Pca, echo: Echo) -> None:
    extract(noise(48000), pca, patch_hop_s=0.24)
    (batch,) = echo.batches
    assert batch.shape == (9, 96, 64)
    np.testing.assert_array_equal(batch[1:, :72], batch[:-1, 24:])


def test_a_long_clip_is_heard_in_parts(pca: Pca, echo: Echo) -> None:
    assert len(extract(noise(100 * RATE), pca)["vggish"]) == 104
    assert [len(batch) for batch in echo.batches] == [64, 40]


def test_postprocess_by_the_definition(pca: Pca) -> None:
    file, values = pca
    embeddings = 3 * np.random.default_rng(3).standard_normal((500, 128)).astype("f")
    features = vggish.postprocess(embeddings, file)
    assert features.dtype == np.uint8
    assert {0, 255} <= set(features.ravel())
    expected = quantised(embeddings.astype(float), values).astype(int)
    difference = np.abs(features - expected)
    assert difference.max() <= 1
    assert difference.mean() < 1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pca_eigen_vectors": np.zeros((128, 64))}, r"\(128, 64\) .* \(128, 128\)"),
        ({"pca_means": np.zeros(64)}, r"\(64,\) .* 128 values"),
        ({"pca_means": None}, "pca_means"),
    ],
)
def test_wrong_parameters_are_refused(
    change: dict[str, NDArray[np.float64] | None], message: str, pca: Pca, tmp_path: Path
) -> None:
    values = {name: value for name, value in (pca[1] | change).items() if value is not None}
    np.savez(tmp_path / "wrong.npz", allow_pickle=False, **values)
    with pytest.raises(AssetError, match=message):
        vggish.postprocess(np.zeros((1, 128), "f"), tmp_path / "wrong.npz")


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "junk.npz").write_bytes(b"junk")
    with pytest.raises(AssetError, match="cannot be read"):
        vggish.postprocess(np.zeros((1, 128), "f"), tmp_path / "junk.npz")


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return vggish_network.build_network()


@pytest.mark.slow
def test_network_by_the_definition(network: keras.Model) -> None:
    rng = np.random.default_rng(4)
    values: dict[str, Sound] = {}
    for name in SHAPES:
        layer = network.get_layer(name.rpartition("/")[2])
        weights = layer.get_weights()[0]
        values[f"vggish/{name}/weights"] = weights
        values[f"vggish/{name}/biases"] = 0.1 * rng.standard_normal(weights.shape[-1], "f")
        layer.set_weights([weights, values[f"vggish/{name}/biases"]])
    patches = rng.standard_normal((2, 96, 64), "f")
    features = np.asarray(network(patches))
    expected = [forward(patch, values) for patch in patches]
    np.testing.assert_allclose(features, expected, atol=1e-4)
    assert features.min() == 0


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    file = save(tmp_path / "partial.ckpt", tensors(["conv1", "conv2"]))
    with pytest.raises(AssetError, match=r"conv3/conv3_1/weights is missing, \[3, 3, 128, 256\]"):
        vggish_network.load_network(file)


def test_a_tensor_of_another_shape_is_named(tmp_path: Path) -> None:
    values = tensors(["conv1"]) | {"vggish/conv1/biases": np.zeros(32, "f")}
    with pytest.raises(AssetError, match=r"conv1/biases is \[32\], \[64\] is expected"):
        vggish_network.load_network(save(tmp_path / "wrong.ckpt", values))


@pytest.mark.parametrize("content", [b"", b"junk" * 100])
def test_what_is_no_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "junk.ckpt").write_bytes(content)
    with pytest.raises(AssetError, match="cannot be read as a TensorFlow checkpoint"):
        vggish_network.load_network(tmp_path / "junk.ckpt")


@pytest.mark.slow
def test_a_clip_through_a_checkpoint_like_the_published_one(pca: Pca, tmp_path: Path) -> None:
    values = tensors()
    checkpoint = save(tmp_path / "vggish_model.ckpt", values)
    weights = {"vggish": pretrained_graphs.get("vggish", checkpoint), "vggish_pca": pca[0]}
    features = vggish.Vggish(SETTINGS, weights).extract(noise(35000))
    mel = spectrogram(noise(35000)).astype("f")
    expected = np.array([forward(patch, values) for patch in (mel[:96], mel[96:192])])
    np.testing.assert_allclose(features["vggish"], expected, atol=1e-3 * np.abs(expected).max())
    np.testing.assert_array_equal(
        features["vggish_pca"], vggish.postprocess(features["vggish"], weights["vggish_pca"])
    )
    for file in (checkpoint, weights["vggish"]):
        file.unlink()  # 289 MB, and pytest keeps what three runs leave


@pytest.mark.real
@pytest.mark.slow
def test_the_published_figures_of_a_sine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the smoke test that came with the release, with its tolerance."""
    if SHARED.is_dir():
        monkeypatch.setenv(assets.MIRROR, str(SHARED))
    files = {name: assets.find(name) for name in vggish.Vggish.weight_names}
    weights = {name: file for name, file in files.items() if file is not None}
    if weights != files:
        pytest.skip("needs VGGish: avemo assets pull vggish vggish_pca")
    weights["vggish"] = pretrained_graphs.get("vggish", weights["vggish"])
    sine = soxr.resample(np.sin(2 * np.pi * 1000 * np.arange(3 * 44100) / 44100), 44100, RATE)
    features = vggish.Vggish(SETTINGS, weights).extract(sine)
    assert features["vggish"].shape == (3, 128)
    figures = [f(features[name]) for name in vggish.Vggish.dtypes for f in (np.mean, np.std)]
    np.testing.assert_allclose(figures, [0.131, 0.238, 123.0, 75.0], rtol=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample_rate": 22050}, "Input should be 16000"),
        ({"patch_hop_s": 0.0}, "greater than or equal to 0.01"),
        ({"patch_hop_s": 1.0}, "less than or equal to 0.96"),
        ({"bands": 64}, "Extra inputs"),
    ],
)
def test_wrong_settings(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        vggish.Settings.model_validate({**SETTINGS.model_dump(), **change})
