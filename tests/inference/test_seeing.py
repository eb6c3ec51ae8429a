"""A registered version that sees goes the whole way from a film to its answer by itself."""

from pathlib import Path

import numpy as np
import pytest
from helpers.bundles import bundle_config
from helpers.detectors import load_detector, resolve
from helpers.expression_file import expression_file
from numpy.typing import NDArray

from avemo.config import load_settings
from avemo.corpus.adapters.ravdess import EMOTIONS, Recording
from avemo.errors import AssetError
from avemo.faces import extract
from avemo.features.run import extract_visual
from avemo.features.spec import FeatureSpec
from avemo.features.visual import crops, expression, geometry
from avemo.inference.recogniser import Recogniser, detector_name, pack
from avemo.models import bundle, preprocessing
from avemo.pretrained import assets
from avemo.registry import packaging
from avemo.runtime import pretrained_graphs
from avemo.synthetic import sample

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FACES = load_settings(ROOT).faces.model_copy(update={"detector": "mtcnn", "frames": 3})
INPUTS = ("expression", "expression_stats", "geometry", "crops")
#: a model, and its probabilities for the film
Trained = tuple[bundle.Bundle, NDArray[np.float32]]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn face that speaks."""
    folder = tmp_path_factory.mktemp("film")
    sample.write_performance(folder, Recording(3, 1, 3, 1, 1, 1, 1), seed=20)
    (file,) = folder.rglob("01-*.mp4")
    return file


@pytest.fixture(scope="module")
def published() -> Path:
    return expression_file()


@pytest.fixture(scope="module")
def trained(film: Path, published: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A network that looks at every visual feature, untrained, and its prediction for the film."""
    import keras

    keras.utils.set_random_seed(1)
    detector = load_detector("mtcnn", FACES.detector_side_px)
    clip_faces = extract.extract(film, FACES, detector)
    weights = {"hsemotion_mobilenet_7": pretrained_graphs.get("hsemotion_mobilenet_7", published)}
    extractors = {
        "expression": expression.Expression(expression.Settings(trim_ratio=0.1), weights),
        "geometry": geometry.Geometry(geometry.Settings()),
        "crops": crops.Crops(crops.Settings(side_px=32, frames=2)),
    }
    features_by_extractor = extract_visual(clip_faces, extractors)
    arrays = {
        name: array for arrays in features_by_extractor.values() for name, array in arrays.items()
    }
    face_spec = FeatureSpec(
        extractor="faces",
        version=extract.VERSION,
        settings=FACES.model_dump(mode="json"),
        resources={"detector": "mtcnn"},
    )
    specs = {name: extractor.spec(face_spec) for name, extractor in extractors.items()}
    preprocessors = {name: preprocessing.fit([arrays[name]]) for name in INPUTS}
    inputs = {name: keras.Input(p.shape, name=name) for name, p in preprocessors.items()}
    flat = [keras.layers.Flatten()(x) for x in inputs.values()]
    small = [keras.layers.Dense(8, "tanh")(keras.layers.LayerNormalization()(x)) for x in flat]
    joined = keras.layers.Concatenate()(small)
    network = keras.Model(inputs, keras.layers.Dense(len(EMOTIONS), "softmax")(joined))
    features = {name: specs[name.partition("_")[0]] for name in INPUTS}
    folder = tmp_path_factory.mktemp("trained")
    bundle.write(
        folder, network, preprocessors, bundle_config(modality="visual", features=features)
    )
    model = bundle.Bundle(folder)
    return model, model.probabilities({name: [arrays[name]] for name in INPUTS})[0]


def test_from_a_film_to_the_answer_with_what_was_packed(
    trained: Trained, film: Path, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, expected = trained
    with monkeypatch.context() as patch:
        patch.setattr(assets, "get", lambda name, quiet=False: published)
        pack(model, resolve("mtcnn")[1], tmp_path / "packed")
    monkeypatch.setenv(assets.CACHE, str(tmp_path / "none"))
    monkeypatch.setenv(assets.ORIGIN, "http://127.0.0.1:1")
    recogniser = Recogniser(tmp_path / "packed")
    for media in (film, film.read_bytes()):
        prediction = recogniser.predict(media)
        assert (prediction.finding, prediction.reason) == ("", "")
        probabilities = [prediction.probabilities[name] for name in EMOTIONS]
        np.testing.assert_allclose(probabilities, expected, atol=1e-4)


def test_what_cannot_be_seen_is_a_finding(
    trained: Trained, film: Path, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "get", lambda name, quiet=False: published)
    pack(trained[0], resolve("mtcnn")[1], tmp_path / "packed")
    sound = next(film.parents[2].rglob("03-*.wav"))
    prediction = Recogniser(tmp_path / "packed").predict(sound)
    assert (prediction.finding, prediction.probabilities) == ("no-picture", {})


def test_weights_that_are_gone_are_missed_when_it_is_packed(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(assets.CACHE, str(tmp_path / "none"))
    monkeypatch.setenv(assets.ORIGIN, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(AssetError, match=r"mobilenet_7\.h5 is missing"):
        pack(trained[0], {}, tmp_path / "packed")


def test_a_version_says_what_it_carries_and_what_that_may_be_used_for(trained: Trained) -> None:
    assert detector_name(trained[0]) == "mtcnn"
    assert (
        packaging.weight_licences(trained[0])
        == "EmotiEffLib (HSEmotion): Apache-2.0; package mtcnn: MIT"
    )
    names = {pin.partition("==")[0] for pin in packaging.pip_requirements(trained[0])}
    assert {"onnxruntime", "opencv-python-headless"} < names
    assert not {"mtcnn", "insightface", "joblib", "onnx"} & names
