"""Expressions of the faces in films, against `fer`."""

import copy
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avemo import threads
from avemo.config import load_settings
from avemo.faces.detectors import load, weights
from avemo.faces.extract import extract
from avemo.features.extractor import VisualExtractor, visual_extractors
from avemo.features.registry import extractor_class
from avemo.media.clip import Clip, Media
from avemo.media.frames import Frame
from avemo.schema import Strict
from avemo.settings import Settings

from .environments import Comparator
from .faces import describe_film
from .measuring import Options, find_recordings, gflops_of_core, processor_s
from .results import Benchmark, compare

CLIPS = 12
ROUNDS = 3
GFLOP_PER_FACE = 1.14  # MobileNet at 224 pixels: 569 million multiplications and additions


class ExpressionReader:
    """Faces and their expressions, as the pipeline computes them.

    Args:
        settings: of the project

    Raises:
        AssetError: the weights of the detector or of the network are not available
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.faces
        name, files = weights.resolve(self.settings.detector)
        self.detector = load(name, files, self.settings.detector_side_px)
        network = extractor_class("expression")(settings.extractors["expression"])
        network = type(network)(network.settings, network.fetch_weights())
        self.network = visual_extractors({"expression": network})["expression"]

    def read(self, media: Media) -> int:
        """Compute the expressions of a film's faces, and return in how many frames it has one."""
        faces = extract(media, self.settings, self.detector)
        self.new_network().extract(faces)
        return int(np.count_nonzero(faces["interpolated"] == 0))

    def new_network(self) -> VisualExtractor[Strict]:
        """Return the network, without what it keeps of the last faces."""
        return copy.deepcopy(self.network)


class _DecodedClip(Clip):
    """A film whose frames are decoded beforehand, and which is not listened to."""

    def __init__(self, film: Path, count: int) -> None:
        super().__init__(film)
        self.decoded = list(super().iterate_frames(count))

    def iterate_frames(
        self, count: int, span: tuple[float, float] | None = None
    ) -> Iterator[Frame]:
        yield from self.decoded

    def voice(self, below_db: float) -> None:
        return None


def run(scratch: Path, options: Options) -> Benchmark:
    """Read a share of the films a round, by both in turn."""
    reader = ExpressionReader(load_settings(Path(__file__).parents[1]))
    count = reader.settings.frames
    films, source = find_recordings(scratch, options.recordings, ".mp4")
    films = films[:CLIPS]
    clips = [_DecodedClip(film, count) for film in films]
    n_frames = sum(len(clip.decoded) for clip in clips)
    fer = Comparator("fer")
    our_frames, our_films, their_frames, their_films = [], [], [], []
    their_faces = 0
    with threads.single_threaded():
        our_faces = sum(map(reader.read, clips))  # and loads what is loaded once
        for number in range(ROUNDS):
            part, part_clips = films[number::ROUNDS], clips[number::ROUNDS]
            if not fer.absent:
                output = fer.run("frames", *_save_frames(part_clips, scratch))
                their_frames.append(1 / output["frame_s"])
                their_faces += output["frames_with_face"]
                their_films.append(1 / fer.run("films", *part)["film_s"])
            our_frames.append(n_frames / len(films) / processor_s(reader.read, part_clips))
            our_films.append(1 / processor_s(reader.read, part))
        limit = describe_expressions(films[:4], reader)
    compared = "" if fer.absent else f"; `fer` detects one in {their_faces}"
    return Benchmark(
        about=f"Faces and expressions of {len(films)} films of 720p ({source}), in processor time: "
        f"what one core does. Ours: faces by {reader.detector.name}, then the network of "
        f"`extractors.expression`. Other: `fer` 25.10.3 as `FER()` makes it, with its own detector "
        "(OpenCV's Haar cascade) and network: `detect_emotions` on each of the same frames, and "
        "`Video.analyze` on every frame of a film, without the pictures that it writes. Ours "
        f"detects a face in {our_faces} of {n_frames} frames{compared}.",
        comparisons=[
            compare(
                f"face and expression of {n_frames} decoded frames",
                our_frames,
                their_frames or fer.absent,
                figure="{:.1f} frames/s",
                target="at least 5",
            ),
            compare(
                f"a film, {count} frames of it",
                our_films,
                their_films or fer.absent,
                figure="{:.3g} films/s",
                target="at least 20",
            ),
        ],
        limit=limit,
    )


def describe_expressions(films: list[Path], reader: ExpressionReader) -> str:
    """Return how the time of a film is spent."""
    faces = [extract(film, reader.settings, reader.detector) for film in films]
    network_s = processor_s(reader.new_network().extract, faces)
    gflop = GFLOP_PER_FACE * sum(len(it["sizes"]) for it in faces) / len(faces)
    return (
        describe_film(films, reader.settings, reader.detector)
        + f" The network of expressions takes {1000 * network_s:.0f} ms more, at "
        f"{gflop / network_s:.0f} GFLOP/s; a product of large matrices reaches "
        f"{gflops_of_core():.0f} on this core."
    )


def _save_frames(clips: list[_DecodedClip], scratch: Path) -> list[Path]:
    """Write each film's frames as a NumPy file."""
    files = [scratch / f"{number}.npy" for number in range(len(clips))]
    for file, clip in zip(files, clips, strict=True):
        np.save(file, np.stack([frame.image for frame in clip.decoded]))
    return files
