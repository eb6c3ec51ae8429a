"""The detectors of faces, each on the same frames."""

from pathlib import Path

import numpy as np

from avemo import threads
from avemo.config import load_settings
from avemo.errors import AssetError
from avemo.faces.detectors import Face, load, weights
from avemo.faces.settings import Settings
from avemo.media.frames import Frame, read_frames

from .measuring import Options, find_recordings, processor_s
from .results import Benchmark, Table

CLIPS = 12
DETECTORS = ("yunet", "mtcnn", "scrfd_500m")


def run(scratch: Path, options: Options) -> Benchmark:
    """Detect the faces of the same frames by each detector whose weights are available."""
    settings = load_settings(Path(__file__).parents[1]).faces
    films, source = find_recordings(scratch, options.recordings, ".mp4")
    films = films[:CLIPS]
    frames = [list(read_frames(film, settings.frames)) for film in films]
    frame_ms: dict[str, float] = {}
    faces: dict[str, list[Face | None]] = {}
    absent = []
    for name in DETECTORS:
        try:
            frame_ms[name], faces[name] = _detect(name, frames, settings)
        except AssetError:
            absent.append(f" {name} has no weights here.")
    n_frames = sum(map(len, frames))
    rows = [
        [
            name,
            f"{sum(face is not None for face in faces[name])} of {n_frames}",
            *(describe_distance(faces[name], faces[other]) for other in faces),
            f"{frame_ms[name]:.1f}",
            "; ".join(sorted(weights.licences(name))),
        ]
        for name in faces
    ]
    distances = [f"from {name}" for name in faces]
    return Benchmark(
        about=f"`faces.detector` on {n_frames} frames of 720p of {len(films)} films ({source}), "
        f"with `faces.detector_side_px` {settings.detector_side_px} and `min_score` "
        f"{settings.min_score:g}, on one core. `from`: the distance from another detector's eyes, "
        "nose and corners of the mouth in % of the face's width, the median over the frames. "
        "YuNet's points are placed by MTCNN's last network." + "".join(absent),
        table=Table(
            header=["detector", "frames with a face", *distances, "ms a frame", "licence"],
            rows=rows,
        ),
    )


def _detect(
    name: str, films: list[list[Frame]], settings: Settings
) -> tuple[float, list[Face | None]]:
    """Return the milliseconds that a frame takes, and the best face in each.

    Raises:
        AssetError: the detector's weights are not available
    """
    detector = load(name, weights.fetch(name), settings.detector_side_px)
    faces: list[Face | None] = []

    def detect(frames: list[Frame]) -> None:
        for detected in detector.detect([frame.image for frame in frames]):
            best = max(detected, key=lambda face: face.score, default=None)
            faces.append(best if best and best.score >= settings.min_score else None)

    with threads.single_threaded():
        detector.detect([films[0][0].image])
        film_s = processor_s(detect, films)
    return 1000 * film_s * len(films) / len(faces), faces


def describe_distance(faces: list[Face | None], others: list[Face | None]) -> str:
    """Return the median distance of two detectors' points, in % of the face's width."""
    if faces is others:
        return "-"
    distances = [
        _measure_distance(face, other)
        for face, other in zip(faces, others, strict=True)
        if face and other
    ]
    return f"{100 * np.median(distances):.1f}"


def _measure_distance(face: Face, other: Face) -> float:
    """Return the mean distance of two faces' points, as a share of the faces' mean width."""
    distance_px = np.linalg.norm(face.landmarks - other.landmarks, axis=1).mean()
    width_px = np.mean([it.box[2] - it.box[0] for it in (face, other)])
    return float(distance_px / width_px)
