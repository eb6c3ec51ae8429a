"""Faces of films, against InsightFace's documented loop over every frame."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

from avemo import engine
from avemo.config import load_settings
from avemo.errors import AssetError
from avemo.faces import detectors, extract
from avemo.features.visual import expression
from avemo.media.frames import read_frames
from avemo.media.sound import find_voiced_span
from avemo.pretrained import assets

from . import recordings as on

ROUNDS = 3
CLIPS = 12


def bench(scratch: Path, given: Path | None) -> dict[str, Any]:
    """Every frame of the films on both sides; then a whole film as the pipeline reads it."""
    from insightface.app import FaceAnalysis

    whole = load_settings(Path(__file__).parents[1])
    settings = whole.faces
    files, kind = on.found(scratch, given, ".mp4")
    files = files[:CLIPS]
    weights = assets.get("scrfd_500m")
    pack = scratch / "models" / "pack"
    pack.mkdir(parents=True)
    (pack / "det.onnx").symlink_to(weights)
    app = FaceAnalysis("pack", root=str(scratch), providers=["CPUExecutionProvider"])
    app.prepare(ctx_id=-1, det_size=(640, 640))

    every = settings.model_copy(update={"frames": 256, "spread": "all"})
    content = weights.read_bytes()
    ours, theirs, sampled = [], [], []
    for _ in range(ROUNDS):
        frames = sum(1 for file in files for _ in read_frames(file, 1000))
        theirs.append(on.pace(_loop(app, files), 1))
        extraction = extract.Extraction(every, "scrfd_500m", content)
        ours.append(_films_a_second(extraction, files) * frames / len(files))
        extraction = extract.Extraction(settings, "scrfd_500m", content)
        sampled.append(_films_a_second(extraction, files * 4))
    films = on.middle(theirs) * len(files) / frames
    how = expression.Settings.model_validate(whole.extractors["expression"])
    known = _expression(files[:4], settings, how, content)
    alone = [
        {
            "what": "one film alone, faces and expression, models loaded",
            "ours": f"{known:.2f} s",
            "other": f"{1 / films:.2f} s",
            "ratio": 1 / films / known if known else 0.0,
            "wanted": "ours under 0.8 s",
        }
    ]
    return {
        "about": f"{len(files)} films of 720p, {frames} frames ({kind}). Other: "
        "`cv2.VideoCapture` and `FaceAnalysis().get` (SCRFD-500M alone) on each frame; ours also "
        f"aligns and cuts each face. `faces.detector_side_px` is {settings.detector_side_px}.",
        "rows": [
            {
                "what": "every frame decoded, its face found (and cut)",
                "ours": f"{on.middle(ours):.0f} frames/s",
                "other": f"{on.middle(theirs):.0f} frames/s",
                "ratio": on.middle(ours) / on.middle(theirs),
                "wanted": "at least 3",
                "rounds": {"ours": ours, "other": theirs},
            },
            {
                "what": f"a whole film, {settings.frames} frames of it",
                "ours": f"{on.middle(sampled):.1f} films/s",
                "other": f"{films:.2f} films/s",
                "ratio": on.middle(sampled) / films,
                "wanted": "-",
                "rounds": {"ours": sampled},
            },
            *(alone if known else []),
        ],
        "limit": _limit(files[:4], settings, content),
    }


def _loop(app: Any, files: list[Path]) -> Iterator[object]:
    for file in files:
        capture = cv2.VideoCapture(str(file))
        while True:
            there, frame = capture.read()
            if not there:
                break
            yield app.get(frame)


def _films_a_second(extraction: extract.Extraction, films: list[Path]) -> float:
    """Once each process has had a film to start with."""
    cores = engine.count_cores()
    return on.pace(engine.run(_One(extraction), films[:cores] + films, title="faces"), cores - 1)


def _expression(
    files: list[Path], settings: extract.Settings, how: expression.Settings, content: bytes
) -> float:
    """Seconds for a film, with its faces, one after the other; 0 without the network's weights."""
    try:
        weights = expression.Expression(how).fetch_weights()
    except AssetError:
        return 0.0
    extractor = expression.Expression(how, weights)
    detector = detectors.load("scrfd_500m", content, settings.detector_side_px)

    def answered() -> list[Any]:
        seen = (extract.extract(file, settings, detector) for file in files)
        return [extractor.extract(one) for one in seen]

    answered()
    return on.timed(answered) / len(files)


class _One:
    def __init__(self, extraction: extract.Extraction) -> None:
        self.extraction = extraction

    def __call__(self, file: Path) -> int:
        return len(self.extraction(file, ["faces"])["faces"]["times"])


def _limit(files: list[Path], settings: extract.Settings, weights: bytes) -> str:
    """How a frame's time is spent, on one core."""
    cv2.setNumThreads(1)
    detector = detectors.load("scrfd_500m", weights, settings.detector_side_px)
    large = detectors.load("scrfd_500m", weights, 640)
    frames = [frame.image for file in files for frame in read_frames(file, 20)]
    for one in (detector, large):
        one.detect(frames[:2])
    count = sum(1 for file in files for _ in read_frames(file, 1000))
    decoding = on.timed(lambda: [None for file in files for _ in read_frames(file, 1000)]) / count
    finding = on.timed(lambda: detector.detect(frames)) / len(frames)
    whole = on.timed(lambda: large.detect(frames)) / len(frames)
    return (
        f"One frame: {decoding * 1000:.1f} ms to decode it, {finding * 1000:.1f} ms to find its "
        f"face on one core at {settings.detector_side_px} pixels, {whole * 1000:.1f} ms at 640. "
        "Decoding every frame holds back the first figure; the second decodes all that others are "
        f"made from, and no more. {_alone(files, settings, detector)}"
    )


def _alone(files: list[Path], settings: extract.Settings, detector: detectors.Detector) -> str:
    """Where a film's time goes, one after the other, with nothing else to do."""
    count = settings.frames
    frames = [[one.image for one in read_frames(file, count)] for file in files]
    parts = [
        lambda: [extract.extract(file, settings, detector) for file in files],
        lambda: [find_voiced_span(file, settings.voiced_db) for file in files],
        lambda: [list(read_frames(file, count)) for file in files],
        lambda: [detector.detect(images) for images in frames],
    ]
    total, heard, decoded, found = (1000 * on.timed(part) / len(files) for part in parts)
    return (
        f"One film alone, {count} frames of it: {total:.0f} ms, of which {heard:.0f} to hear where "
        f"it speaks, {decoded:.0f} to decode, {found:.0f} to find its faces, and the rest to align "
        "and keep them."
    )
