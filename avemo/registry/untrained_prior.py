"""The untrained prior of the face as what answers, without any registered version.

It is the pretrained expression network alone, whose expressions are mapped to the task's classes.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from ..errors import SettingsError
from ..faces import extract as faces
from ..faces.detectors import weights as detector_weights
from ..features.registry import extractor_class
from ..inference.adaptation import SpeakerStatistics
from ..inference.prediction import Prediction
from ..inference.recogniser import Recogniser, pack
from ..media.clip import Media
from ..models.bundle import CONFIG_FILE, Bundle
from ..models.preprocessing import SequencePreprocessor
from ..pretrained.expression_mobilenet import CLASSES, MEAN_FEATURE, class_shares
from ..records import BundleConfig, FeatureSpec, TrainedOn
from ..runtime.graph import GRAPH_FILE
from ..settings import Settings
from ..tracking.lookup import Version

__all__ = ["UntrainedPrior", "prior_version"]

_NO_SOUND = "sound has no untrained prior, because no pretrained network names its emotions"


class UntrainedPrior(Recogniser):
    """A recogniser of faces that nothing was trained for here.

    Args:
        settings: with those of faces and of the extractor `expression`

    Raises:
        SettingsError: `extractors` is without expression
        AssetError: weights are missing and cannot be fetched
    """

    def __init__(self, settings: Settings) -> None:
        config = _describe(settings)
        _, detector_files = detector_weights.resolve(settings.faces.detector)
        # as long as this object is used
        self._temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        source, folder = (Path(self._temporary.name, name) for name in ("bundle", "model"))
        source.mkdir()
        config.write(source / CONFIG_FILE)
        _write_graph(source / GRAPH_FILE, config.classes)
        pack(Bundle(source), detector_files, folder)
        super().__init__(folder)

    def predict(
        self,
        media: Media,
        *,
        picture: Media | None = None,
        speaker: SpeakerStatistics | None = None,
    ) -> Prediction:
        """Return the prediction for one clip, see `Recogniser`; of sound alone there is none."""
        prediction = super().predict(media, picture=picture, speaker=speaker)
        if prediction.finding == "no-picture":
            return replace(prediction, reason=f"{prediction.reason}; {_NO_SOUND}")
        return prediction


def prior_version(settings: Settings) -> Version:
    """Return what the prior is called in predictions: its number tells its settings and weights.

    Raises:
        SettingsError, AssetError: as `UntrainedPrior` does
    """
    text = _describe(settings).model_dump_json()
    return Version("untrained-prior", hashlib.sha256(text.encode()).hexdigest()[:8], {})


def _describe(settings: Settings) -> BundleConfig:
    name = "expression"
    if name not in settings.extractors:
        raise SettingsError("params.yaml: extractors: expression is missing: write it there again")
    create = extractor_class(name)
    own = create(settings.extractors[name], create(settings.extractors[name]).fetch_weights())
    detector, _ = detector_weights.resolve(settings.faces.detector)
    face_spec = FeatureSpec(
        extractor="faces",
        version=faces.VERSION,
        settings=settings.faces.model_dump(mode="json"),
        resources={"detector": detector},
    )
    return BundleConfig(
        modality="visual",
        architecture="expression_prior, untrained",
        members=[{"architecture": "expression_prior"}],
        classes=settings.labels.classes,
        features={MEAN_FEATURE: own.spec(face_spec)},
        limits=settings.catalogue.model_dump(include={"min_duration_s", "silence_dbfs"}),
        split_id="",
        seed=settings.seed,
        temperature=1.0,
        synthetic=False,
        trained_on=TrainedOn(performances=0, actors=0),
        window_s=settings.timeline.window_s,
        hop_s=settings.timeline.hop_s,
        inputs={MEAN_FEATURE: asdict(SequencePreprocessor.unscaled(len(CLASSES)))},
        untrained=True,
    )


def _write_graph(file: Path, classes: list[str]) -> None:
    """Write the network: each expression's probability, shared among the classes."""
    from ..runtime.graph_writer import GraphWriter, Shapes

    writer = GraphWriter()
    shares = writer.constant(class_shares(classes).astype(np.float32))
    rows = writer.add("Flatten", MEAN_FEATURE)
    writer.add("MatMul", rows, shares, output="emotion")
    inputs: Shapes = {MEAN_FEATURE: ["clips", 1, len(CLASSES)]}
    graph = writer.finish("expression_prior", inputs, {"emotion": ["clips", len(classes)]})
    file.write_bytes(graph.SerializeToString())
