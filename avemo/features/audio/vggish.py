"""VGGish's embeddings: 128 numbers a patch of 0.96 s, trained to classify sounds of any kind.

The embedding is taken after the last ReLU, as in the release that the study of 2020 used; the newer
release gives it before. `vggish_pca` is computed from it as the published features of AudioSet are:
whitened, 8 bits each.

Source:
    S. Hershey et al.: CNN architectures for large-scale audio classification. ICASSP 2017;
    release Apache-2.0, https://github.com/tensorflow/models/tree/master/research/audioset/vggish
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field

from ...pretrained.vggish import BANDS, FRAMES, load_pca
from ...runtime.graph import load_graph
from ..arrays import Arrays, Sound
from ..extractor import AudioExtractor, AudioSettings

__all__ = ["Settings", "Vggish", "log_mel", "postprocess"]

_RATE, _WINDOW, _HOP, _FFT = 16000, 400, 160, 512
_LOW_HZ, _HIGH_HZ, _OFFSET = 125, 7500, 0.01
_SHORTEST = _WINDOW + (FRAMES - 1) * _HOP
_BATCH = 64  # patches; the first layer alone takes 1.5 MB for each


class Settings(AudioSettings):
    """`extractors.vggish` in params.yaml."""

    sample_rate: Literal[16000]
    patch_hop_s: Annotated[float, Field(ge=0.01, le=0.96)]


class Vggish(AudioExtractor[Settings]):
    """Embeddings, and their principal components."""

    settings_class = Settings
    version = 2
    dtypes: ClassVar = {"vggish": "float32", "vggish_pca": "uint8"}
    weight_names = ("vggish", "vggish_pca")

    def extract(self, sound: Sound) -> Arrays:
        """Return the embeddings of a clip.

        As in the release, what remains after the last complete patch is not used. A clip shorter
        than one patch is padded with silence: the release gives it no row, and a recording needs
        one.

        Args:
            sound: float32 mono [shape=(samples,)] at 16 kHz

        Returns:
            `vggish`: float32 [shape=(patches, 128)]; `vggish_pca`: uint8 [shape=(patches, 128)]

        Raises:
            AssetError: the components are not what they should be
            GraphError: the network cannot be run here
        """
        network = load_graph(self.weights["vggish"])
        mel = log_mel(np.pad(sound, (0, max(0, _SHORTEST - len(sound)))))
        hop = round(self.settings.patch_hop_s * _RATE / _HOP)
        patches = sliding_window_view(mel, FRAMES, axis=0)[::hop].transpose(0, 2, 1)
        batches = [
            network.run({"patch": patches[start : start + _BATCH]})[0]
            for start in range(0, len(patches), _BATCH)
        ]
        embeddings = np.concatenate(batches)
        quantised = postprocess(embeddings, self.weights["vggish_pca"])
        return {"vggish": embeddings, "vggish_pca": quantised}


def log_mel(sound: Sound) -> NDArray[np.float32]:
    """Return the spectrogram that VGGish was trained on: log(magnitude in a mel band + 0.01).

    Ten seconds are transformed at a time, so that memory does not grow with the clip.

    Args:
        sound: float32 mono [shape=(samples,)] at 16 kHz, at least 25 ms

    Returns:
        float32 [shape=(frames, 64)], one each 10 ms, without padding
    """
    from scipy.fft import rfft

    taper, filters = _tables()
    frames = sliding_window_view(sound, _WINDOW)[::_HOP]
    step = 10 * _RATE // _HOP
    blocks = [
        np.abs(rfft(frames[start : start + step] * taper, _FFT)) @ filters
        for start in range(0, len(frames), step)
    ]
    return np.log(np.concatenate(blocks) + _OFFSET).astype(np.float32)


@lru_cache(maxsize=1)
def _tables() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Hann's window, periodic, and the mel filters [shape=(257, 64)], in double precision.

    They are triangles over the mel scale, where librosa's are triangles over frequency. In single
    precision, rounding beside a loud tone shows against the offset.
    """
    taper = 0.5 - 0.5 * np.cos(2 * np.pi / _WINDOW * np.arange(_WINDOW))
    low, high, bins = (
        1127 * np.log1p(np.asarray(hz) / 700)
        for hz in (_LOW_HZ, _HIGH_HZ, np.linspace(0, _RATE / 2, _FFT // 2 + 1))
    )
    edges = np.linspace(low, high, BANDS + 2)
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling))
    return taper, filters


def postprocess(embeddings: NDArray[np.float32], parameters: Path) -> NDArray[np.uint8]:
    """Return embeddings as in the published features of AudioSet.

    Principal components, whitened, clipped to -2 to 2, which is mapped to 0 to 255.

    Args:
        embeddings: [shape=(patches, 128)]
        parameters: `vggish_pca_params.npz`

    Returns:
        uint8 [shape=(patches, 128)]

    Raises:
        AssetError: the parameters are not what they should be
    """
    vectors, means = load_pca(parameters)
    components = np.clip((embeddings - means) @ vectors.T, -2, 2)
    return np.asarray(((components + 2) * (255 / 4)).astype(np.uint8))
