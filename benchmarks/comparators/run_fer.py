"""Recognise expressions with fer and its own detector, in an environment of its own.

Called with `frames` and files of frames, or with `films` and films; prints JSON.
"""

import contextlib
import json
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time

import cv2
import numpy as np
from fer.classes import Video
from fer.fer import FER


def wait_key(delay: int = 0) -> int:
    """Return that no key was pressed, without waiting."""
    return -1


# `Video.analyze` calls them, and OpenCV without windows lacks them
cv2.waitKey = wait_key
cv2.destroyAllWindows = lambda: None


def time_frames(files: list[str]) -> dict[str, object]:
    """Return the processor time of a frame, and in how many frames there is a face.

    Args:
        files: each one film's frames, BGR, as NumPy writes them
    """
    detector = FER()
    films = [np.load(file) for file in files]
    detector.detect_emotions(films[0][0])
    start = process_time()
    predictions = [detector.detect_emotions(frame) for frames in films for frame in frames]
    seconds = process_time() - start
    return {
        "frame_s": seconds / len(predictions),
        "frames_with_face": sum(bool(faces) for faces in predictions),
    }


def time_films(files: list[str]) -> dict[str, object]:
    """Return the time of `Video.analyze` for a film, without the pictures it writes.

    Args:
        files: films
    """
    detector = FER()
    start, wall_start = process_time(), perf_counter()
    for file in files:
        with tempfile.TemporaryDirectory() as folder:
            Video(file, outdir=folder).analyze(
                detector,
                save_frames=False,
                save_video=False,
                annotate_frames=False,
                zip_images=False,
            )
    return {
        "film_s": (process_time() - start) / len(files),
        "film_wall_s": (perf_counter() - wall_start) / len(files),
    }


def main(kind: str, *files: str) -> None:
    """Print the figures alone: fer writes lines of its own."""
    with Path(os.devnull).open("w") as discarded, contextlib.redirect_stdout(discarded):
        figures = (time_frames if kind == "frames" else time_films)(list(files))
    print(json.dumps({"version": version("fer"), **figures}))


if __name__ == "__main__":
    main(*sys.argv[1:])
