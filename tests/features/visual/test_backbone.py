from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from helpers.extracted_faces import draw_faces
from helpers.random_network import drawn

from avemo.errors import AssetError
from avemo.faces import extract
from avemo.features.visual import backbone
from avemo.features.visual.backbone import Backbone
from avemo.pretrained.imagenet_networks import NETWORKS, load_network

SETTINGS = backbone.Settings(network="mobilenet_v2", side_px=64)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Keras' cache with weights drawn on the spot, in a file as keras.applications fetches it."""
    import keras

    folder = tmp_path_factory.mktemp("keras")
    (folder / "models").mkdir()
    model = keras.applications.MobileNetV2(
        (64, 64, 3), include_top=False, pooling="avg", weights=None
    )
    drawn(model).save(folder / "models" / NETWORKS["mobilenet_v2"].file)
    return folder, model


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no network."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    # urlopen keeps what it once model of them
    monkeypatch.setattr("urllib.request._opener", None)


@pytest.mark.slow
def test_a_network_out_of_keras_own_cache(
    home: tuple[Path, Any], offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, model = home
    monkeypatch.setenv("KERAS_HOME", str(folder))
    files = Backbone(SETTINGS).fetch_weights()
    assert files["backbone"].name.startswith("mobilenet_v2_64.")
    clip = draw_faces(9)
    features = Backbone(SETTINGS, files).extract(clip)["backbone"]
    assert (features.dtype, features.shape) == (np.dtype(np.float16), (9, 1280))
    pictures = extract.decode_crops(clip, 64).astype("f") / 127.5 - 1
    np.testing.assert_allclose(features, model(pictures), rtol=2e-3, atol=1e-3)
    assert features.astype("f").std(axis=0).max() > 1e-3


@pytest.mark.parametrize("network", NETWORKS)
def test_without_a_network_it_says_what_is_missing(
    network: Literal["vgg16", "mobilenet_v2"],
    offline: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    file = NETWORKS[network].file
    with pytest.raises(AssetError, match=f"{file} is missing .* extractors.backbone") as caught:
        Backbone(backbone.Settings(network=network, side_px=64)).fetch_weights()
    assert f"storage.googleapis.com/tensorflow/keras-applications/{network}/" in str(caught.value)
    assert str(tmp_path / "models") in str(caught.value)


@pytest.mark.slow
def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.h5"
    file.write_text("<html>404</html>")
    with pytest.raises(AssetError, match=r"weights\.h5 cannot be read as mobilenet_v2"):
        load_network("mobilenet_v2", 64, file)


@pytest.mark.slow
def test_another_network_s_weights_are_refused(home: tuple[Path, Any]) -> None:
    file = home[0] / "models" / NETWORKS["mobilenet_v2"].file
    with pytest.raises(AssetError, match="cannot be read as vgg16"):
        load_network("vgg16", 32, file)
