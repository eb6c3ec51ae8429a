"""Expressions of the faces in films, against `fer`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from avemo import threads
from avemo.config import load_settings
from avemo.faces import detectors
from avemo.faces.extract import align, extract
from avemo.faces.tracking import track_main_face
from avemo.features.visual.expression import Expression
from avemo.features.visual.expression import Settings as ExpressionSettings
from avemo.media.frames import Frame, read_frames
from avemo.settings import Settings

from .environments import InstallError, make_environment, run_child
from .measuring import Options, find_recordings, processor_s
from .results import Benchmark, compare

CLIPS = 12
ROUNDS = 3
_COMPARATOR = Path(__file__).parent / "comparators"

#: runs the comparator's script with arguments, and returns what it printed
Fer = Callable[..., dict[str, Any]]
#: a frame's picture, BGR, and the landmarks of the face in it
DetectedFace = tuple[NDArray[np.uint8], NDArray[np.float32]]


class ExpressionReader:
    """Faces and their expressions, as the pipeline computes them.

    Args:
        settings: of the project

    Raises:
        AssetError: the weights of the detector or of the network are not available
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.faces
        name, file = detectors.resolve(self._settings.detector)
        weights = file.read_bytes() if file else None
        self._detector = detectors.load(name, weights, self._settings.detector_side_px)
        own = ExpressionSettings.model_validate(settings.extractors["expression"])
        self._expression = Expression(own, Expression(own).fetch_weights())

    @property
    def detector_name(self) -> str:
        """The detector's name."""
        return self._detector.name

    def read_film(self, film: Path) -> None:
        """Decode a film's frames, and read their faces' expressions."""
        self._expression.extract(extract(film, self._settings, self._detector))

    def read_frames(self, frames: list[Frame]) -> int:
        """Read the faces' expressions in a film's frames, and return how many have a face."""
        faces = self.detect(frames)
        self.read_crops(self.encode_crops(faces))
        return len(faces)

    def detect(self, frames: list[Frame]) -> list[DetectedFace]:
        """Return the main person's face in each frame that has one."""
        detections = self._detector.detect([frame.image for frame in frames])
        times_s = [frame.time_s for frame in frames]
        track = track_main_face(times_s, detections, self._settings.max_gap_frames)
        return [(frames[it.frame_index].image, it.face.landmarks) for it in track]

    def encode_crops(self, faces: list[DetectedFace]) -> list[NDArray[np.uint8]]:
        """Return the aligned faces, each as a JPEG file [shape=(bytes,)]."""
        side_px, margin = self._settings.side_px, self._settings.margin
        quality = [cv2.IMWRITE_JPEG_QUALITY, self._settings.jpeg_quality]
        crops = [align(*face, side_px=side_px, margin=margin) for face in faces]
        return [cv2.imencode(".jpg", crop[..., ::-1], quality)[1] for crop in crops]

    def read_crops(self, files: list[NDArray[np.uint8]]) -> None:
        """Read the expressions of aligned faces, each a JPEG file."""
        sizes = np.array([len(file) for file in files])
        self._expression.extract({"faces": np.concatenate(files), "sizes": sizes})


def run(scratch: Path, options: Options) -> Benchmark:
    """Read a share of the films a round, by both in turn."""
    settings = load_settings(Path(__file__).parents[1])
    films, source = find_recordings(scratch, options.recordings, ".mp4")
    films = films[:CLIPS]
    frames = [list(read_frames(film, settings.faces.frames)) for film in films]
    n_frames = sum(map(len, frames))
    reader = ExpressionReader(settings)
    fer, reason = _find_fer()
    our_frames, our_films, their_frames, their_films = [], [], [], []
    our_faces = their_faces = 0
    with threads.single_threaded():
        reader.read_film(films[0])  # loads what is loaded once
        for number in range(ROUNDS):
            part, part_frames = films[number::ROUNDS], frames[number::ROUNDS]
            if fer:
                output = fer("frames", *_save_frames(part_frames, scratch))
                their_frames.append(1 / output["frame_s"])
                their_faces += output["frames_with_face"]
                their_films.append(1 / fer("films", *part)["film_s"])
            film_s = processor_s(reader.read_frames, part_frames)
            our_frames.append(n_frames / len(films) / film_s)
            our_faces += sum(map(reader.read_frames, part_frames))
            our_films.append(1 / processor_s(reader.read_film, part))
        limit = _describe_parts(films[:4], frames[:4], reader)
    compared = f"; `fer` finds one in {their_faces}" if fer else ""
    return Benchmark(
        about=f"Faces and expressions of {len(films)} films of 720p ({source}), in processor time "
        f"of one process. Ours: {settings.faces.frames} frames a film, faces by "
        f"{reader.detector_name} at {settings.faces.detector_side_px} pixels. Other: `fer` "
        "25.10.3 as `FER()` makes it, with its own detector (OpenCV's Haar cascade) and its "
        "quantised network; `detect_emotions` on each of the same frames, and `Video.analyze` on "
        "every frame of a film, without the pictures that it writes. Ours has a face in "
        f"{our_faces} of {n_frames} frames{compared}.",
        comparisons=[
            compare(
                f"face and expression of {n_frames} decoded frames",
                our_frames,
                their_frames or reason,
                figure="{:.1f} frames/s",
                target="at least 5",
            ),
            compare(
                f"a film, {settings.faces.frames} frames of it",
                our_films,
                their_films or reason,
                figure="{:.3g} films/s",
                target="at least 20",
            ),
        ],
        limit=limit,
    )


def _find_fer() -> tuple[Fer | None, str]:
    """Return what runs `fer`, or None and the reason."""
    try:
        environment = make_environment(_COMPARATOR / "fer.txt", "--no-deps")
    except InstallError as error:
        return None, str(error)
    python, script = environment / "bin" / "python", _COMPARATOR / "run_fer.py"
    return lambda *arguments: run_child(python, script, *arguments).output, ""


def _save_frames(films: list[list[Frame]], scratch: Path) -> list[Path]:
    """Write each film's frames as a NumPy file."""
    files = [scratch / f"{number}.npy" for number in range(len(films))]
    for file, frames in zip(files, films, strict=True):
        np.save(file, np.stack([frame.image for frame in frames]))
    return files


def _describe_parts(films: list[Path], frames: list[list[Frame]], reader: ExpressionReader) -> str:
    """Return how a film's time is spent."""
    detected = [reader.detect(film) for film in frames]
    crops = [reader.encode_crops(faces) for faces in detected]
    seconds = {
        "to decode": processor_s(lambda film: list(read_frames(film, len(frames[0]))), films),
        "to detect faces": processor_s(reader.detect, frames),
        "to align and encode them": processor_s(reader.encode_crops, detected),
        "for the network of expressions": processor_s(reader.read_crops, crops),
    }
    total_s = processor_s(reader.read_film, films)
    parts = ", ".join(f"{1000 * value:.0f} {name}" for name, value in seconds.items())
    return f"A film of ours, {len(frames[0])} frames: {1000 * total_s:.0f} ms, of which {parts}."
