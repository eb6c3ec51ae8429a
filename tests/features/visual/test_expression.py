from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from helpers import random_network
from helpers.detectors import load_detector
from helpers.expression_file import expression_file
from helpers.extracted_faces import draw_faces
from numpy.typing import NDArray
from pydantic import ValidationError

from avemo.errors import AssetError
from avemo.faces import extract as faces
from avemo.features.arrays import Arrays
from avemo.features.visual import expression
from avemo.features.visual.expression import Expression
from avemo.pretrained import assets, expression_mobilenet
from avemo.runtime import pretrained_graphs

SHARED = Path(__file__).parents[3] / "../shared"
SETTINGS = expression.Settings(trim_ratio=0.1)


@pytest.fixture(scope="module")
def drawn() -> Any:
    return random_network.drawn(expression_mobilenet.build_network())


@pytest.fixture(scope="module")
def published() -> Path:
    """As Keras 2 wrote a model; with the weights of `drawn`."""
    return expression_file()


@pytest.fixture(scope="module")
def keras3(drawn: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As Keras 3 keeps it, in a file without a suffix, as it stands in a registered version."""
    file = tmp_path_factory.mktemp("keras3") / "model.keras"
    drawn.save(file)
    return file.rename(file.with_suffix(""))


def extract(clip: Arrays, file: Path, settings: expression.Settings = SETTINGS) -> Arrays:
    graph = pretrained_graphs.get("hsemotion_mobilenet_7", file)
    return Expression(settings, {"hsemotion_mobilenet_7": graph}).extract(clip)


@pytest.mark.slow
@pytest.mark.parametrize("export", ["published", "keras3"])
def test_either_export_is_the_network(
    export: str, drawn: Any, request: pytest.FixtureRequest
) -> None:
    model = expression_mobilenet.load_network(request.getfixturevalue(export))
    pictures = np.random.default_rng(2).normal(0, 60, (2, 224, 224, 3)).astype("f")
    for extracted, expected in zip(model(pictures), drawn(pictures), strict=True):
        np.testing.assert_allclose(extracted, expected, atol=1e-5)


@pytest.mark.slow
def test_each_face_is_looked_at_as_the_network_was_trained(drawn: Any, published: Path) -> None:
    clip = draw_faces(3, side=300)
    extracted = extract(clip, published, expression.Settings(trim_ratio=0.0))
    pictures = faces.decode_crops(clip, 224).astype("f")
    less = pictures[..., ::-1] - np.array([103.939, 116.779, 123.68], "f")
    features, probabilities = (np.asarray(output) for output in drawn(less))
    assert {name: array.dtype.name for name, array in extracted.items()} == Expression.dtypes
    np.testing.assert_allclose(extracted["expression"], features, rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(extracted["expression_probabilities"], probabilities, atol=1e-5)
    mean, deviation = np.split(extracted["expression_stats"][0], 2)
    both = np.concatenate([features, probabilities], axis=1)
    np.testing.assert_allclose(mean, both.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(deviation, both.std(axis=0), atol=1e-4)
    assert probabilities.std(axis=0).max() > 1e-3  # three faces, three answers


@pytest.mark.slow
def test_what_is_trimmed_is_not_seen(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = np.random.default_rng(3).integers(0, 256, (2, 280, 280, 3), np.uint8)
    requested_sides: list[int] = []
    clip = draw_faces(2)

    def decode_crops(faces: Arrays, side: int) -> NDArray[np.uint8]:
        requested_sides.append(side)
        return pictures[:, :side, :side]

    monkeypatch.setattr(expression, "decode_crops", decode_crops)
    first = extract(clip, published)["expression"]
    pictures[:, :28], pictures[:, -28:], pictures[:, :, :28], pictures[:, :, -28:] = 0, 0, 0, 0
    np.testing.assert_array_equal(extract(clip, published)["expression"], first)
    pictures[:, 28:32] = 0
    assert np.any(extract(clip, published)["expression"] != first)
    assert requested_sides == [280] * 3  # the middle 224 are eight tenths


@pytest.mark.slow
def test_many_faces_as_in_parts(published: Path) -> None:
    clip = draw_faces(35)
    extracted = extract(clip, published)["expression"]
    assert extracted.shape == (35, 256)
    ends = np.cumsum(clip["sizes"])
    last = {"faces": clip["faces"][ends[31] :], "sizes": clip["sizes"][32:]}
    np.testing.assert_allclose(extract(last, published)["expression"], extracted[32:], atol=1e-2)


@pytest.mark.slow
def test_what_is_another_network_or_none_is_refused(
    published: Path, drawn: Any, tmp_path: Path
) -> None:
    import keras

    (tmp_path / "page").write_text("<html>404</html>")
    with pytest.raises(AssetError, match="page cannot be read as hsemotion_mobilenet_7"):
        expression_mobilenet.load_network(tmp_path / "page")
    (tmp_path / "zip").write_bytes(b"PK" + bytes(100))
    with pytest.raises(AssetError, match="zip cannot be read as hsemotion_mobilenet_7"):
        expression_mobilenet.load_network(tmp_path / "zip")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with pytest.raises(AssetError, match=r"empty\.h5 cannot be read"):
        expression_mobilenet.load_network(tmp_path / "empty.h5")
    less = keras.Model(drawn.input, drawn.outputs[0])
    less.save(tmp_path / "less.h5")
    with pytest.raises(AssetError, match=r"less\.h5 cannot be read"):
        expression_mobilenet.load_network(tmp_path / "less.h5")
    less.save(tmp_path / "less.keras")
    with pytest.raises(AssetError, match=r"less\.keras takes and gives .* is expected"):
        expression_mobilenet.load_network(tmp_path / "less.keras")


@pytest.mark.parametrize("trim_ratio", [-0.1, 0.4, "0.1"])
def test_wrong_settings(trim_ratio: float | str) -> None:
    with pytest.raises(ValidationError, match="trim_ratio"):
        expression.Settings.model_validate({"trim_ratio": trim_ratio})


@pytest.mark.slow
@pytest.mark.real
def test_what_a_real_face_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    if (SHARED / "weights").is_dir():
        monkeypatch.setenv(assets.MIRROR, str(SHARED / "weights"))
    file = assets.find("hsemotion_mobilenet_7")
    films = [
        SHARED / f"ravdess/video/{name}.mp4"
        for name in ("01-01-03-01-01-02-05", "02-01-01-01-01-01-01")
    ]
    if file is None or not all(film.is_file() for film in films):
        pytest.skip(
            "needs ../shared/ravdess, and HSEmotion: avemo assets pull hsemotion_mobilenet_7"
        )
    from avemo.config import load_settings

    settings = load_settings(Path(__file__).parents[3]).faces
    detector = load_detector("mtcnn", settings.detector_side_px)
    for film, shown in zip(films, ("happy", "neutral"), strict=True):
        extracted = extract(faces.extract(film, settings, detector), file)
        probabilities = extracted["expression_probabilities"].mean(axis=0)
        assert expression_mobilenet.CLASSES[probabilities.argmax()] == shown
        assert probabilities.max() > 0.4
