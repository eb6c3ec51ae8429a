"""How often the one who speaks is told from one who rests: a check on real films of RAVDESS.

A person's faces while something is heard are compared with another's before or after they speak,
for each ordered pair of films: as if both stood in one picture.

    python study/who_speaks.py FILMS    # a folder with films that have sound
"""

import argparse
from collections import Counter
from fractions import Fraction
from itertools import permutations
from pathlib import Path

from avemo.config import load_settings
from avemo.faces import detectors
from avemo.faces.cut_face import CutFace, cut_face
from avemo.faces.detectors import weights
from avemo.faces.settings import Settings
from avemo.faces.speaking import find_speaker
from avemo.media.clip import Clip
from avemo.media.playback import PlayedPicture

ROOT = Path(__file__).parents[1]
#: as in windows of three seconds with sixteen pictures
_INTERVAL = Fraction(3, 16)
#: seconds around what is heard in which the mouth may move as well
_MARGIN_S = 0.15


def read_faces(film: Path, settings: Settings, detector: detectors.Detector) -> list[CutFace]:
    """Return the face in each picture."""
    faces = []
    for part in Clip(film).play(_INTERVAL):
        if isinstance(part, PlayedPicture) and part.image is not None:
            (detected,) = detector.detect([part.image])
            best = max(detected, key=lambda face: face.score)
            faces.append(cut_face(part.image, best, settings, time_s=float(part.time)))
    return faces


def main() -> None:
    """Compare each film's speech with each other film's rest."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("films", type=Path, help="a folder of RAVDESS's films with sound")
    settings = load_settings(ROOT).faces
    detector = detectors.load(*weights.resolve(settings.detector), settings.detector_side_px)
    speech, rests = {}, {"before": {}, "after": {}}
    for film in sorted(parser.parse_args().films.glob("01-*.mp4")):
        start, end = Clip(film).voiced_span(settings.voiced_db) or (0.0, 0.0)
        faces = read_faces(film, settings, detector)
        speech[film.stem] = [face for face in faces if start <= face.time_s <= end]
        rests["before"][film.stem] = [f for f in faces if f.time_s < start - _MARGIN_S]
        rests["after"][film.stem] = [f for f in faces if f.time_s > end + _MARGIN_S]
    for moment, rest in rests.items():
        counts: Counter[str] = Counter()
        for speaking, resting in permutations(speech, 2):
            speaker = find_speaker({0: speech[speaking], 1: rest[resting]}, settings.margin)
            counts[{0: "right", 1: "wrong", None: "open"}[speaker]] += 1
        figures = ", ".join(f"{counts[name]} {name}" for name in ("right", "wrong", "open"))
        print(f"at rest {moment} speaking, {counts.total()} pairs: {figures}")


if __name__ == "__main__":
    main()
