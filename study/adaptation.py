"""What adaptation to a speaker is worth, and how well its statistics tell speakers apart.

The champion's kept answers for RAVDESS's speech are adapted, each by a space, a trust and a weight
that come from the other folds. All answers are of models that had not heard the speaker; those of a
training speaker, which trust and weight are chosen by, are of a model that had heard the tested
fold. So are those that the weights of sound and picture, and the thresholds, come from.

    python study/adaptation.py          # in a project with the audio features of these recordings
    python study/adaptation.py --table  # the figures again, from the kept results
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from avemo.config import load_settings
from avemo.corpus.adapters import ravdess
from avemo.evaluation import metrics, paired
from avemo.evaluation.abstention import select_threshold
from avemo.evaluation.bootstrap import Bootstrap
from avemo.evaluation.conformal import fit_sets
from avemo.features import store
from avemo.models.adaptation import Adaptation
from avemo.models.speaker_space import LabelledClips
from avemo.models.weighted_product import MIN_PROBABILITY, combine, fit_weights
from avemo.paths import find_project
from avemo.report import adaptation as report
from avemo.report import fusions, published
from avemo.settings import Settings
from avemo.training.adaptation import UNADAPTED, crossvalidate_adaptation, curve_figures
from avemo.training.enrolments import draw_enrolments, statistics_of

ROOT = Path(__file__).parents[1]
ANSWERS = Path("results", "audio", "champion", "speech.csv")
#: of the ensemble on two encoders, see encoders.py
TWO_ENCODERS = Path("results", "encoders", "actor-ensemble.csv")
FEATURE = "whisper_stats"
#: clips in each of two disjoint sets of a speaker, and how often such sets are drawn
SIZES = (1, 2, 5, 10, 20)
DRAWS = 10
_SHRINKAGE = 0.1


@dataclass(frozen=True)
class Product:
    """Answers of sound, and of the picture that they are joined with as `late` joins them.

    Args:
        answers: of sound
        clips: the same, with the project's features
        log_probabilities: of both, unadapted [shape=(clips, classes, 2)]
        weights: of both by tested fold, from the other folds' answers [shape=(2,)]
    """

    answers: pd.DataFrame
    clips: LabelledClips
    log_probabilities: NDArray[np.float64]
    weights: Mapping[int, NDArray[np.float64]]

    @property
    def pictures(self) -> NDArray[np.float64]:
        """What the picture adds to the logarithms of sound [shape=(clips, classes)]."""
        weights = np.array([self.weights[fold] for fold in self.clips.folds.tolist()])
        return np.asarray(
            self.log_probabilities[:, :, 1] * (weights[:, 1] / weights[:, 0])[:, None]
        )


def load_products() -> dict[str, Product]:
    """Return sound alone, of the champion and by two encoders, and the published fusion.

    Raises:
        SystemExit: no fusion is published
    """
    arrays = store.load_arrays(find_project().features("audio", "whisper"), FEATURE)
    champion, two_encoders = (
        rows[rows["performance"].isin(arrays)].reset_index(drop=True)
        for rows in (
            published.read_predictions(ROOT / file, str(file)) for file in (ANSWERS, TWO_ENCODERS)
        )
    )
    compared = fusions.read(ROOT)
    if compared is None:
        raise SystemExit(f"there is no {fusions.FILE}: bring it back (git checkout)")
    nested = compared[compared["part"].eq("unseen actors")]
    audio_answers, visual_answers = (
        paired.align(published.check_predictions(nested[nested["system"].eq(name)]), champion)[0]
        for name in ("audio", "visual")
    )

    def load_sound(answers: pd.DataFrame) -> Product:
        sound = load_product(answers, visual_answers, arrays)
        return replace(sound, weights=dict.fromkeys(sound.weights, np.array([1.0, 0.0])))

    return {
        "sound": load_sound(champion),
        "fused": load_product(audio_answers, visual_answers, arrays),
        "two encoders": load_sound(two_encoders),
    }


def load_product(
    audio_answers: pd.DataFrame,
    visual_answers: pd.DataFrame,
    arrays: Mapping[str, NDArray[np.floating]],
) -> Product:
    """Return the product of sound and picture.

    Args:
        audio_answers: of an audio model
        visual_answers: of a visual one, in the same order
        arrays: features by performance
    """
    codes = {name: code for code, name in enumerate(ravdess.EMOTIONS)}
    clips = LabelledClips(
        np.array([arrays[name][0] for name in audio_answers["performance"]], np.float32),
        audio_answers["true"].map(codes).to_numpy(int),
        audio_answers["actor"].to_numpy(str),
        audio_answers["fold"].to_numpy(int),
        metrics.probabilities(audio_answers),
    )
    both = np.stack([clips.probabilities, metrics.probabilities(visual_answers)], axis=2)
    logarithms = np.log(np.maximum(both, MIN_PROBABILITY))
    weights = {}
    for fold in sorted(set(clips.folds.tolist())):
        trained = clips.folds != fold
        weights[fold] = fit_weights(logarithms[trained], clips.labels[trained])
    return Product(audio_answers, clips, logarithms, weights)


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


def compare_abstention(
    product: Product, adaptations: Mapping[int, Adaptation], settings: Settings
) -> pd.DataFrame:
    """Return by case and speaker how often an answer is sure and right under unadapted thresholds.

    The thresholds are selected on the unadapted answers for the other folds' speakers.

    Returns:
        shares of the predicted clips: `answered`; `right`, answered rightly; `covered`, whose
        set of emotions holds theirs
    """
    clips = product.clips
    bootstrap, limits, rows = Bootstrap.from_settings(settings), settings.abstention, []
    columns = metrics.probability_columns(ravdess.EMOTIONS)
    for fold, adaptation in adaptations.items():
        weights, tested = product.weights[fold], clips.folds == fold
        unadapted = product.answers.assign(
            **dict(zip(columns, combine(product.log_probabilities, weights).T, strict=True))
        )[~tested]
        threshold = select_threshold(
            unadapted,
            bootstrap,
            target=limits.min_accuracy,
            min_coverage=limits.min_coverage,
        ).threshold
        set_threshold = fit_sets(unadapted, limits.set_coverage).threshold
        own, logarithms = clips.where(tested), product.log_probabilities[tested]
        positions = own.vectors @ adaptation.projection - adaptation.origin

        def shares(
            which: NDArray[np.integer],
            corrected: NDArray[np.float64],
            own: LabelledClips = own,
            weights: NDArray[np.float64] = weights,
            threshold: float = threshold,
            set_threshold: float = set_threshold,
        ) -> tuple[float, ...]:
            probabilities = combine(corrected, weights)
            true = own.labels[which]
            right = probabilities.argmax(axis=1) == true
            answered = probabilities.max(axis=1) >= threshold
            covered = right | (probabilities[np.arange(len(true)), true] >= set_threshold)
            return answered.mean(), (answered & right).mean(), covered.mean()

        for speaker in sorted(set(own.speakers)):
            which = np.flatnonzero(own.speakers == speaker)
            rows.append((UNADAPTED, speaker, *shares(which, logarithms[which])))
        for draw in draw_enrolments(
            own, adaptation.classes, settings.adaptation.draws, settings.seed
        ):
            statistics = statistics_of(
                adaptation,
                positions[draw.enrolled],
                own.probabilities[draw.enrolled],
                neutral=draw.neutral,
            )
            corrected = logarithms[draw.predicted].copy()
            corrected[:, :, 0] += adaptation.correction(positions[draw.predicted], statistics)
            name = own.speakers[draw.enrolled[0]]
            rows.append((draw.case, name, *shares(draw.predicted, corrected)))
    table = pd.DataFrame(rows, columns=report.ABSTENTION_COLUMNS[1:])
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
    return np.asarray(whitened @ whitened.T)


def measure() -> None:
    """Write the kept results."""
    settings = load_settings(ROOT)
    (ROOT / report.FOLDER).mkdir(parents=True, exist_ok=True)
    files = {"sound": report.CURVE, "fused": report.FUSED, "two encoders": report.TWO_ENCODERS}
    adapted, shares = {}, []
    for system, product in load_products().items():
        table, adaptations = crossvalidate_adaptation(
            product.clips,
            ravdess.EMOTIONS,
            FEATURE,
            settings.adaptation,
            settings.seed,
            product.pictures,
        )
        table.insert(0, "performance", product.answers["performance"])
        table["true"] = [ravdess.EMOTIONS[code] for code in table["true"]]
        table.to_csv(ROOT / files[system], index=False, float_format="%.4g")
        if system != "two encoders":
            shares.append(compare_abstention(product, adaptations, settings).assign(system=system))
        adapted[system] = product.clips, adaptations
    pd.concat(shares)[report.ABSTENTION_COLUMNS].to_csv(
        ROOT / report.ABSTENTION, index=False, float_format="%.4g"
    )
    clips, adaptations = adapted["sound"]
    scores = pd.concat(compare_speakers(clips, adaptations, settings.seed))
    scores.to_csv(ROOT / report.SPEAKERS, index=False, float_format="%.4g")
    refused = compare_clips(clips, adaptations, settings.adaptation.draws, settings.seed)
    refused.to_csv(ROOT / report.REFUSED, index=False, float_format="%.4g")


def describe_folds(
    results: report.Results, bootstrap: Bootstrap, folds: int
) -> Iterator[tuple[str, ...]]:
    """Yield what adaptation is worth in each fold of actors: of sound, fused, by two encoders."""
    for fold in range(folds):
        cells = []
        for table in (results.curve, results.fused, results.two_encoders):
            actors = table["actor"].astype(int)
            uars, differences = curve_figures(table[(actors - 1) // 2 % folds == fold], bootstrap)
            cells.append(str(uars[UNADAPTED]))
            cells += [f"{differences[case]:+}" for case in ("neutral 2", "even 20")]
        yield f"fold {fold + 1}", *cells


def main() -> None:
    """Run the experiment, or print its figures again."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--table", action="store_true", help="from the kept results")
    if not parser.parse_args().table:
        measure()
    results = report.read(ROOT)
    if results is None:
        raise SystemExit(f"there is no {report.CURVE}: run without --table first")
    settings = load_settings(ROOT)
    bootstrap = Bootstrap.from_settings(settings)
    tables = report.tables(results, bootstrap)
    for row in (*tables.curve, *tables.speakers, *tables.refused, *tables.abstention):
        print(" | ".join(row))
    for row in describe_folds(results, bootstrap, settings.split.folds):
        print(" | ".join(row))


if __name__ == "__main__":
    main()
