"""How long a timeline's window must be to hear an emotion in it: an experiment on RAVDESS.

A linear model on Whisper's encoder is trained on whole clips and tested on windows in the middle of
what is heard, of actors that it was not trained on: each fold of the split is tested once.

    python study/window_length.py RECORDINGS    # a folder of RAVDESS's audio-only speech recordings
    python study/window_length.py --table       # the table again, from the kept predictions
"""

import argparse
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from avemo import engine
from avemo.config import load_settings
from avemo.corpus.adapters import ravdess
from avemo.evaluation import metrics
from avemo.evaluation.bootstrap import Bootstrap
from avemo.evaluation.paired import paired_bootstrap
from avemo.features.audio.whisper import Settings, Whisper
from avemo.media.clip import Clip
from avemo.tables import read_csv

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "results" / "timeline" / "window_length.csv"
#: seconds; the last is the whole clip
LENGTHS = (0.5, 1.0, 1.5, 2.0, 3.0, 10.0)
_RATE = 16000
_REGULARISATION = 0.001


class ReadWindows:
    """What is done with each recording: features of windows of every length."""

    def __init__(self, extractor: Whisper) -> None:
        self._extractor = extractor

    def __call__(self, file: Path) -> np.ndarray:
        """Return the features of the windows [shape=(lengths, features)]."""
        with Clip(file) as clip:
            sound = clip.sound(_RATE)
            start, end = clip.voiced_span(self._extractor.settings.voiced_db) or (0.0, 1.0)
        middle = round((start + end) / 2 * _RATE)
        rows = []
        for length in LENGTHS:
            half = round(length * _RATE / 2)
            window = sound[max(0, middle - half) : middle + half]
            rows.append(self._extractor.extract(window)["whisper_stats"][0])
        return np.stack(rows)


def predict_windows(folder: Path) -> pd.DataFrame:
    """Return the predictions for every window of the recordings in a folder."""
    settings = load_settings(ROOT)
    extractor = Whisper(Settings.model_validate(settings.extractors["whisper"]))
    extractor = Whisper(extractor.settings, extractor.fetch_weights())
    files = sorted(file for file in folder.rglob("03-01-*") if file.suffix in (".wav", ".flac"))
    takes = [ravdess.parse(f"{file.stem}.wav") for file in files]
    results = engine.run(ReadWindows(extractor), files, title="windows", workers=2)
    features = np.stack(list(results))
    actors = np.array([take.actor for take in takes])
    true = np.array([take.label for take in takes])
    folds = (actors - 1) // 2 % settings.split.folds
    tables = []
    for fold in range(settings.split.folds):
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=_REGULARISATION, max_iter=2000)
        )
        model.fit(features[folds != fold, -1], true[folds != fold])
        order = [list(model.classes_).index(emotion) for emotion in ravdess.EMOTIONS]
        tested = np.flatnonzero(folds == fold)
        for number, length in enumerate(LENGTHS):
            probabilities = model.predict_proba(features[tested, number])[:, order]
            columns = metrics.probability_columns(ravdess.EMOTIONS)
            table = pd.DataFrame(probabilities.round(4), columns=columns)
            table.insert(0, "window_s", length)
            table.insert(0, "true", true[tested])
            table.insert(0, "actor", actors[tested])
            table.insert(0, "performance", [takes[index].performance for index in tested])
            tables.append(table)
    return pd.concat(tables).sort_values(["window_s", "performance"])


def describe(predictions: pd.DataFrame, bootstrap: Bootstrap) -> Iterator[str]:
    """Yield the lines of the table."""
    whole_clips = predictions[predictions["window_s"] == LENGTHS[-1]]
    yield "| window | UAR | less than of whole clips |"
    yield "|---|---|---|"
    for length in LENGTHS:
        windows = predictions[predictions["window_s"] == length]
        figure = metrics.intervals(windows, bootstrap)["uar"]
        name, difference = "whole clip", ""
        if length != LENGTHS[-1]:
            name = f"{float(Fraction(str(length))):g} s"
            difference = f"{paired_bootstrap(windows, whole_clips, bootstrap)['uar']:+}"
        yield f"| {name} | {figure} | {difference} |"


def main() -> None:
    """Run the experiment, or print its table again."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("recordings", type=Path, nargs="?", help="RAVDESS's audio-only speech")
    parser.add_argument("--table", action="store_true", help="from the kept predictions")
    arguments = parser.parse_args()
    if arguments.recordings:
        predict_windows(arguments.recordings).to_csv(KEPT, index=False)
    elif not arguments.table:
        parser.error("name the folder of the recordings, or --table")
    evaluation = load_settings(ROOT).evaluation
    bootstrap = Bootstrap(evaluation.resamples, evaluation.confidence, load_settings(ROOT).seed)
    for line in describe(read_csv(KEPT, text=("performance", "true")), bootstrap):
        print(line)


if __name__ == "__main__":
    main()
