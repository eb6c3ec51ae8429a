"""Faces of films, against InsightFace's documented loop over every frame."""

from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import cv2

from avemo import threads
from avemo.config import load_settings
from avemo.faces import extract
from avemo.faces.detectors import Detector, load, weights
from avemo.faces.settings import Settings
from avemo.media.frames import read_frames
from avemo.media.sound import find_voiced_span
from avemo.pretrained import assets

from .measuring import Options, find_recordings, processor_s
from .results import Benchmark, compare

ROUNDS = 3
CLIPS = 12
DETECTOR = "yunet"


def run(scratch: Path, options: Options) -> Benchmark:
    """Read a share of the films a round, by both in turn."""
    settings = load_settings(Path(__file__).parents[1]).faces
    every_frame = settings.model_copy(update={"frames": 256, "spread": "all"})
    films, source = find_recordings(scratch, options.recordings, ".mp4")
    films = films[:CLIPS]
    detector = load(DETECTOR, weights.fetch(DETECTOR), settings.detector_side_px)
    insightface = _load_insightface(scratch, assets.get("scrfd_500m"))
    frames, ours, sampled, theirs, their_films = 0, [], [], [], []
    with threads.single_threaded():
        extract.extract(films[0], settings, detector)  # loads what is loaded once
        for number in range(ROUNDS):
            part = films[number::ROUNDS]
            frames_of_part = sum(1 for film in part for _ in read_frames(film, 1000))
            frames_per_film = frames_of_part / len(part)
            their_films.append(1 / processor_s(partial(_detect_by_insightface, insightface), part))
            theirs.append(frames_per_film * their_films[-1])
            read_every = partial(extract.extract, settings=every_frame, detector=detector)
            ours.append(frames_per_film / processor_s(read_every, part))
            read_sampled = partial(extract.extract, settings=settings, detector=detector)
            sampled.append(1 / processor_s(read_sampled, part))
            frames += frames_of_part
        decode_s = processor_s(lambda film: list(read_frames(film, settings.frames)), films)
        limit = describe_film(films[:4], settings, detector)
    return Benchmark(
        about=f"{len(films)} films of 720p, {frames} frames ({source}), in processor time: what "
        "one core does. Other: `cv2.VideoCapture` and `FaceAnalysis().get` (SCRFD-500M alone, one "
        "thread) on each frame, as InsightFace documents it. Ours, by YuNet with "
        f"`faces.detector_side_px` {settings.detector_side_px}, also aligns, checks and stores "
        "each face.",
        comparisons=[
            compare(
                "every frame decoded, its face detected (and cut)",
                ours,
                theirs,
                figure="{:.0f} frames/s",
                target="at least 3",
            ),
            compare(
                f"a film, {settings.frames} frames of it",
                sampled,
                their_films,
                figure="{:.3g} films/s",
                target="at least 20",
            ),
        ],
        limit=f"{limit} The decoder alone would read {1 / decode_s:.3g} films a second, "
        f"{1 / decode_s / median(their_films):.3g} times the other side.",
    )


def describe_film(films: list[Path], settings: Settings, detector: Detector) -> str:
    """Return how the time of a film's faces is spent, on one core."""
    count = settings.frames
    images = [[frame.image for frame in read_frames(film, count)] for film in films]
    whole_s = processor_s(lambda film: extract.extract(film, settings, detector), films)
    decode_s = processor_s(lambda film: list(read_frames(film, count)), films)
    detect_s = processor_s(detector.detect, images)
    listen_s = processor_s(lambda film: find_voiced_span(film, settings.voiced_db), films)
    return (
        f"The faces of a film, {count} frames of it, take {1000 * whole_s:.0f} ms of a core: "
        f"{1000 * decode_s:.0f} to decode, {1000 * detect_s:.0f} to detect, "
        f"{1000 * listen_s:.0f} to hear where it speaks, the rest to align and store. The decoder "
        "holds it back: a frame needs those before it that it was made from."
    )


def _load_insightface(scratch: Path, file: Path) -> Any:
    """Return InsightFace's application with the detector alone, in one thread as ours is."""
    import onnxruntime
    from insightface.app import FaceAnalysis

    pack = scratch / "models" / "pack"
    pack.mkdir(parents=True)
    (pack / "det.onnx").symlink_to(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    application = FaceAnalysis(
        "pack", root=str(scratch), providers=["CPUExecutionProvider"], sess_options=options
    )
    application.prepare(ctx_id=-1, det_size=(640, 640))
    return application


def _detect_by_insightface(application: Any, film: Path) -> None:
    capture = cv2.VideoCapture(str(film))
    while True:
        has_frame, frame = capture.read()
        if not has_frame:
            return
        application.get(frame)
