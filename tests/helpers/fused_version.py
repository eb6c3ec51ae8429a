"""A version that hears and sees, packaged as the registry does it; its network is not trained."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import mlflow
import pytest
from helpers.bundles import bundle_config
from helpers.expression_file import expression_file
from helpers.whisper_file import write

from avemo import threads
from avemo.config import load_settings
from avemo.corpus.adapters.ravdess import EMOTIONS, Recording
from avemo.faces import detectors, extract
from avemo.faces.detectors import weights as detector_weights
from avemo.features.extractor import audio_extractors, visual_extractors
from avemo.features.registry import extractor_class
from avemo.features.run import extract_audio, extract_visual
from avemo.features.spec import FeatureSpec
from avemo.models import bundle, preprocessing
from avemo.pretrained import assets
from avemo.registry import packaging
from avemo.synthetic import sample

SETTINGS = load_settings(Path(__file__).parents[2])
AUDIO = ("whisper", "prosody_stats", "mfcc", "logmel")
INPUTS = (*AUDIO, "expression", "expression_stats", "geometry", "crops")


def draw_media(folder: Path) -> list[Path]:
    """Draw a film with sound and a face, a silent one, and a recording of sound alone."""
    sample.write_performance(folder, Recording(3, 1, 3, 1, 1, 1, 1), seed=20)
    return sorted(folder.rglob("*.mp4")) + sorted(folder.rglob("*.wav"))


@contextmanager
def random_weights(folder: Path) -> Iterator[None]:
    """Put networks of random weights in the place of the published ones."""
    files = {
        "whisper_tiny_en": write(folder / "whisper-tiny.en.safetensors"),
        "hsemotion_mobilenet_7": expression_file(),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assets, "get", lambda name, quiet=False: files[name])
        yield


def save(folder: Path, film: Path, detector: str) -> Path:
    """Write a version that takes every input, and return its folder.

    Args:
        folder: must exist
        film: with sound and a face, which the sizes of the inputs are taken from
        detector: of faces
    """
    model, version = new_bundle(folder / "bundle", film, detector), folder / "version"
    with packaging.package_model(model) as packaged, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there is no input example
        mlflow.pyfunc.save_model(
            version,
            python_model=str(packaged.script),
            artifacts={"model": str(packaged.folder)},
            code_paths=[str(packaged.code)],
            pip_requirements=packaging.pip_requirements(model),
            signature=packaging.signature(EMOTIONS),
        )
    return version


def new_bundle(folder: Path, film: Path, detector: str) -> bundle.Bundle:
    """Return an untrained network of every input with all that a prediction needs."""
    import keras

    faces = SETTINGS.faces.model_copy(update={"detector": detector, "frames": 3})
    face_spec = FeatureSpec(
        extractor="faces",
        version=extract.VERSION,
        settings=faces.model_dump(mode="json"),
        resources={"detector": detector},
    )
    extractors = {}
    for name in sorted({feature.partition("_")[0] for feature in INPUTS}):
        create, own = extractor_class(name), SETTINGS.extractors[name]
        extractors[name] = create(own, create(own).fetch_weights())
    files: Mapping[str, bytes] = detector_weights.fetch(detector)
    with threads.single_threaded():
        loaded = detectors.load(detector, files, faces.detector_side_px)
        clip_faces = extract.extract(film, faces, loaded)
        features = extract_audio(film, audio_extractors(extractors)) | extract_visual(
            clip_faces, visual_extractors(extractors)
        )
    arrays = {name: array for own in features.values() for name, array in own.items()}
    preprocessors = {name: preprocessing.fit([arrays[name]]) for name in INPUTS}
    keras.utils.set_random_seed(1)
    inputs = {name: keras.Input(p.shape, name=name) for name, p in preprocessors.items()}
    flat = [keras.layers.Flatten()(x) for x in inputs.values()]
    small = [keras.layers.Dense(8, "tanh")(keras.layers.LayerNormalization()(x)) for x in flat]
    joined = keras.layers.Concatenate()(small)
    network = keras.Model(inputs, keras.layers.Dense(len(EMOTIONS), "softmax")(joined))
    specs = {
        name: extractor.spec(face_spec if extractor.modality == "visual" else None)
        for name, extractor in extractors.items()
    }
    config = bundle_config(
        modality="fused", features={name: specs[name.partition("_")[0]] for name in INPUTS}
    )
    folder.mkdir()
    bundle.write(folder, network, preprocessors, config)
    return bundle.Bundle(folder)
