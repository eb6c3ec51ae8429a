"""What adaptation to a speaker is worth, and how well its statistics tell speakers apart.

The champion's kept answers for RAVDESS's speech are adapted, each by a space, a trust and a weight
that come from the other folds. All answers are of models that had not heard the speaker; those of a
training speaker, which trust and weight are chosen by, are of a model that had heard the tested
fold.

    python study/adaptation.py          # in a project with the audio features of these recordings
    python study/adaptation.py --table  # the figures again, from the kept results
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from avemo.config import load_settings
from avemo.corpus.adapters import ravdess
from avemo.evaluation import metrics
from avemo.evaluation.bootstrap import Bootstrap
from avemo.features import store
from avemo.models.adaptation import Adaptation
from avemo.models.speaker_space import LabelledClips
from avemo.paths import find_project
from avemo.report import adaptation as report
from avemo.report import published
from avemo.training.adaptation import crossvalidate_adaptation
from avemo.training.enrolments import draw_enrolments, statistics_of

ROOT = Path(__file__).parents[1]
ANSWERS = Path("results", "audio", "champion", "speech.csv")
FEATURE = "whisper_stats"
#: clips in each of two disjoint sets of a speaker, and how often such sets are drawn
SIZES = (1, 2, 5, 10, 20)
DRAWS = 10
_SHRINKAGE = 0.1


def load_clips() -> tuple[pd.Series, LabelledClips]:
    """Return performances with the champion's answers and the project's features."""
    arrays = store.load_arrays(find_project().features("audio", "whisper"), FEATURE)
    answers = published.read_predictions(ROOT / ANSWERS, str(ANSWERS))
    answers = answers[answers["performance"].isin(arrays)].reset_index(drop=True)
    codes = {name: code for code, name in enumerate(ravdess.EMOTIONS)}
    clips = LabelledClips(
        np.array([arrays[name][0] for name in answers["performance"]], np.float32),
        answers["true"].map(codes).to_numpy(int),
        answers["actor"].to_numpy(str),
        answers["fold"].to_numpy(int),
        metrics.probabilities(answers),
    )
    return answers["performance"], clips


def compare_speakers(
    clips: LabelledClips, adaptations: Mapping[int, Adaptation], seed: int
) -> Iterator[pd.DataFrame]:
    """Yield how alike sets of clips are, of one speaker or two of the same fold.

    Both speakers are new to the space and to the comparison, which is by the cosine after
    within-class covariance normalisation, fitted to the other folds' speakers.
    """
    for fold, adaptation in adaptations.items():
        positions = clips.vectors @ adaptation.projection - adaptation.origin
        trained = clips.vectors[clips.folds != fold]
        features = (clips.vectors - trained.mean(axis=0)) / np.maximum(trained.std(axis=0), 1e-6)
        random = np.random.default_rng([seed, fold])
        for size in SIZES:
            rows, speakers, folds, draws = [], [], [], []
            for speaker in sorted(set(clips.speakers)):
                own = np.flatnonzero(clips.speakers == speaker)
                for draw in range(DRAWS):
                    drawn = random.permutation(own)[: 2 * size]
                    for chosen in (drawn[:size], drawn[size:]):
                        own_statistics = statistics_of(
                            adaptation, positions[chosen], clips.probabilities[chosen]
                        )
                        means, _ = adaptation.speaker_means(own_statistics)
                        rows.append((means.ravel(), features[chosen].mean(axis=0)))
                        speakers.append(speaker)
                        folds.append(clips.folds[own[0]])
                        draws.append(draw)
            for kind, vectors in zip(report.KINDS, zip(*rows, strict=True), strict=True):
                scores = _scores(np.array(vectors), np.array(speakers), np.array(folds) != fold)
                tested = np.flatnonzero(np.array(folds) == fold)
                pairs = [
                    (kind, size, speakers[a], speakers[b], scores[a, b])
                    for a in tested[::2]
                    for b in tested[1::2]
                    if draws[a] == draws[b]
                ]
                yield pd.DataFrame(pairs, columns=report.SPEAKER_COLUMNS)


def compare_clips(
    clips: LabelledClips, adaptations: Mapping[int, Adaptation], draws: int, seed: int
) -> pd.DataFrame:
    """Return by speaker and case how often clips are refused as another speaker's.

    Of the speaker's own clips, and of those of the fold's other speakers; all are new to the space.
    """
    rows = []
    for fold, adaptation in adaptations.items():
        own = clips.where(clips.folds == fold)
        positions = own.vectors @ adaptation.projection - adaptation.origin
        limit = np.interp(
            adaptation.max_distance,
            np.linspace(0, 100, len(adaptation.distances)),
            adaptation.distances,
        )
        for draw in draw_enrolments(own, adaptation.classes, draws, seed):
            speaker = statistics_of(
                adaptation,
                positions[draw.enrolled],
                own.probabilities[draw.enrolled],
                neutral=draw.neutral,
            )
            far = adaptation.surprise(positions, own.probabilities, speaker) > limit
            name = own.speakers[draw.enrolled[0]]
            others = far[own.speakers != name].mean()
            rows.append((draw.case, name, far[draw.predicted].mean(), others))
    table = pd.DataFrame(rows, columns=report.REFUSED_COLUMNS)
    return table.groupby(["case", "speaker"], sort=False).mean().reset_index()


def _scores(vectors: np.ndarray, speakers: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """Return the cosine of each two vectors, after within-class covariance normalisation.

    Args:
        vectors: [shape=(sets, columns)]
        speakers: whose set it is [shape=(sets,)]
        trained: by which sets the covariance is estimated [shape=(sets,)]
    """
    centred = vectors - vectors[trained].mean(axis=0)
    # as many directions as there are of the training's sets, at most
    _, scales, directions = np.linalg.svd(centred[trained], full_matrices=False)
    centred = centred @ directions[: min(100, (scales > scales[0] * 1e-4).sum())].T
    residuals = np.concatenate(
        [
            centred[trained & (speakers == speaker)]
            - centred[trained & (speakers == speaker)].mean(axis=0)
            for speaker in np.unique(speakers[trained])
        ]
    )
    within = residuals.T @ residuals / len(residuals)
    sphere = np.trace(within) / len(within) * np.eye(len(within))
    within = (1 - _SHRINKAGE) * within + _SHRINKAGE * sphere
    whitened = centred @ np.linalg.cholesky(np.linalg.inv(within))
    whitened /= np.linalg.norm(whitened, axis=1, keepdims=True)
    return whitened @ whitened.T


def measure() -> None:
    """Write the kept results."""
    settings = load_settings(ROOT)
    performances, clips = load_clips()
    table, adaptations = crossvalidate_adaptation(
        clips, ravdess.EMOTIONS, FEATURE, settings.adaptation, settings.seed
    )
    table.insert(0, "performance", performances)
    table["true"] = [ravdess.EMOTIONS[code] for code in table["true"]]
    folder = ROOT / report.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(ROOT / report.CURVE, index=False, float_format="%.4g")
    scores = pd.concat(compare_speakers(clips, adaptations, settings.seed))
    scores.to_csv(ROOT / report.SPEAKERS, index=False, float_format="%.4g")
    refused = compare_clips(clips, adaptations, settings.adaptation.draws, settings.seed)
    refused.to_csv(ROOT / report.REFUSED, index=False, float_format="%.4g")


def main() -> None:
    """Run the experiment, or print its figures again."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--table", action="store_true", help="from the kept results")
    if not parser.parse_args().table:
        measure()
    results = report.read(ROOT)
    if results is None:
        raise SystemExit(f"there is no {report.CURVE}: run without --table first")
    tables = report.tables(results, Bootstrap.from_settings(load_settings(ROOT)))
    for row in (*tables.curve, *tables.speakers, *tables.refused):
        print(" | ".join(row))


if __name__ == "__main__":
    main()
