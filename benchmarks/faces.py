"""Faces of films, against InsightFace's documented loop over every frame."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import cv2

from avemo import engine
from avemo.config import load_settings
from avemo.errors import AssetError
from avemo.faces import extract
from avemo.faces.detectors import Detector, load, weights
from avemo.faces.settings import Settings
from avemo.features.visual.expression import Expression
from avemo.features.visual.expression import Settings as ExpressionSettings
from avemo.media.frames import read_frames
from avemo.media.sound import find_voiced_span
from avemo.pretrained import assets

from .measuring import Options, find_recordings, rate_per_s, time_s
from .results import Benchmark, Comparison

ROUNDS = 3
CLIPS = 12
DETECTOR = "yunet"


def run(scratch: Path, options: Options) -> Benchmark:
    """Compare every frame of the films on both sides; then a film as the pipeline reads it."""
    all_settings = load_settings(Path(__file__).parents[1])
    settings = all_settings.faces
    files, source = find_recordings(scratch, options.recordings, ".mp4")
    files = files[:CLIPS]
    detector_files = weights.fetch(DETECTOR)
    other = _load_insightface(scratch, assets.get("scrfd_500m"))

    every_frame = settings.model_copy(update={"frames": 256, "spread": "all"})
    ours, theirs, sampled = [], [], []
    n_frames = sum(1 for file in files for _ in read_frames(file, 1000))
    for _ in range(ROUNDS):
        theirs.append(rate_per_s(_detect_by_insightface(other, files), 1))
        films = _films_per_s(extract.Extraction(every_frame, DETECTOR, detector_files), files)
        ours.append(films * n_frames / len(files))
        extraction = extract.Extraction(settings, DETECTOR, detector_files)
        sampled.append(_films_per_s(extraction, files * 4))
    their_films = median(theirs) * len(files) / n_frames
    comparisons = [
        Comparison(
            what="every frame decoded, its face detected (and cut)",
            ours=f"{median(ours):.0f} frames/s",
            other=f"{median(theirs):.0f} frames/s",
            ratio=median(ours) / median(theirs),
            target="at least 3",
            rounds={"ours": ours, "other": theirs},
        ),
        Comparison(
            what=f"a film, {settings.frames} frames of it",
            ours=f"{median(sampled):.1f} films/s",
            other=f"{their_films:.2f} films/s",
            ratio=median(sampled) / their_films,
            target="-",
            rounds={"ours": sampled},
        ),
    ]
    detector = load(DETECTOR, detector_files, settings.detector_side_px)
    expression_settings = ExpressionSettings.model_validate(all_settings.extractors["expression"])
    film_s = _expression_s(files[:4], settings, expression_settings, detector)
    if film_s is not None:
        comparisons.append(
            Comparison(
                what="one film alone, faces and expression, models loaded",
                ours=f"{film_s:.2f} s",
                other=f"{1 / their_films:.2f} s",
                ratio=1 / their_films / film_s,
                target="ours under 0.8 s",
            )
        )
    return Benchmark(
        about=f"{len(files)} films of 720p, {n_frames} frames ({source}). Other: "
        "`cv2.VideoCapture` and `FaceAnalysis().get` (SCRFD-500M alone) on each frame; ours, with "
        "YuNet, also aligns and cuts each face. `faces.detector_side_px` is "
        f"{settings.detector_side_px}.",
        comparisons=comparisons,
        limit=_describe_frame(files[:4], settings, detector, load(DETECTOR, detector_files, 640))
        + _describe_film(files[:4], settings, detector),
    )


def _load_insightface(scratch: Path, weights: Path) -> Any:
    """Return InsightFace's application with the detector alone."""
    from insightface.app import FaceAnalysis

    pack = scratch / "models" / "pack"
    pack.mkdir(parents=True)
    (pack / "det.onnx").symlink_to(weights)
    application = FaceAnalysis("pack", root=str(scratch), providers=["CPUExecutionProvider"])
    application.prepare(ctx_id=-1, det_size=(640, 640))
    return application


def _detect_by_insightface(application: Any, files: list[Path]) -> Iterator[object]:
    for file in files:
        capture = cv2.VideoCapture(str(file))
        while True:
            has_frame, frame = capture.read()
            if not has_frame:
                break
            yield application.get(frame)


def _films_per_s(extraction: extract.Extraction, films: list[Path]) -> float:
    """Return films a second, once each process has done one."""
    cores = engine.count_cores()
    results = engine.run(_CountFaces(extraction), films[:cores] + films, title="faces")
    return rate_per_s(results, cores - 1)


class _CountFaces:
    """What `engine.run` calls for a film."""

    def __init__(self, extraction: extract.Extraction) -> None:
        self._extraction = extraction

    def __call__(self, file: Path) -> int:
        return len(self._extraction(file, ["faces"])["faces"]["times"])


def _expression_s(
    files: list[Path], settings: Settings, expression: ExpressionSettings, detector: Detector
) -> float | None:
    """Return seconds for a film, one after the other; None without the network's weights."""
    try:
        weights = Expression(expression).fetch_weights()
    except AssetError:
        return None
    extractor = Expression(expression, weights)

    def extract_all() -> None:
        for file in files:
            extractor.extract(extract.extract(file, settings, detector))

    extract_all()
    return time_s(extract_all) / len(files)


def _describe_frame(
    files: list[Path], settings: Settings, detector: Detector, large_detector: Detector
) -> str:
    """Return how a frame's time is spent, on one core."""
    cv2.setNumThreads(1)
    images = [frame.image for file in files for frame in read_frames(file, 20)]
    detector.detect(images[:2])
    large_detector.detect(images[:2])
    count = sum(1 for file in files for _ in read_frames(file, 1000))
    decode_s = time_s(lambda: [None for file in files for _ in read_frames(file, 1000)]) / count
    detect_s = time_s(lambda: detector.detect(images)) / len(images)
    detect_large_s = time_s(lambda: large_detector.detect(images)) / len(images)
    return (
        f"One frame: {decode_s * 1000:.1f} ms to decode it, {detect_s * 1000:.1f} ms to detect its "
        f"face on one core at {settings.detector_side_px} pixels, {detect_large_s * 1000:.1f} ms "
        "at 640. Decoding every frame holds back the first figure; the second decodes all that "
        "others are made from, and no more. "
    )


def _describe_film(files: list[Path], settings: Settings, detector: Detector) -> str:
    """Return where a film's time goes, one after the other, with nothing else to do."""
    count = settings.frames
    images = [[frame.image for frame in read_frames(file, count)] for file in files]
    steps = [
        lambda: [extract.extract(file, settings, detector) for file in files],
        lambda: [find_voiced_span(file, settings.voiced_db) for file in files],
        lambda: [list(read_frames(file, count)) for file in files],
        lambda: [detector.detect(images_of_film) for images_of_film in images],
    ]
    total, listen, decode, detect = (1000 * time_s(step) / len(files) for step in steps)
    return (
        f"One film alone, {count} frames of it: {total:.0f} ms, of which {listen:.0f} to hear "
        f"where it speaks, {decode:.0f} to decode, {detect:.0f} to detect its faces, and the rest "
        "to align and encode them."
    )
