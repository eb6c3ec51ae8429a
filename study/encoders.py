"""What a second encoder of Whisper is worth, by logistic regression and with the champion.

Each fold is predicted by a fit that has not seen it. The penalty is chosen on the other folds, each
of them predicted by a fit that saw neither it nor the tested one. A joined recipe is the geometric
mean of two recipes' probabilities, in equal parts, so that it chooses nothing. The champion's kept
answers, which are of `protocol: actor`, were made in the same way; so were those of the ensemble on
both encoders, which come from the project's `crossvalidate@audio`.

    python study/encoders.py          # in a project with the features of whisper and whisper_base
    python study/encoders.py --table  # the figures again, from the kept answers
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from avemo.config import load_settings
from avemo.corpus.adapters import ravdess
from avemo.corpus.folds import fold_by_emobox
from avemo.evaluation import metrics
from avemo.evaluation.bootstrap import Bootstrap
from avemo.evaluation.paired import paired_bootstrap
from avemo.features import store
from avemo.features.names import extractor_of
from avemo.models.weighted_product import MIN_PROBABILITY
from avemo.paths import find_project
from avemo.report import published

ROOT = Path(__file__).parents[1]
CHAMPION = Path("results", "audio", "champion", "speech.csv")
#: by protocol and recipe
ANSWERS = Path("results", "encoders")
PROTOCOLS = ("actor", "emobox")
#: its answers are those of the project's `crossvalidate@audio`, whose search had both encoders
ENSEMBLE = "ensemble"
#: the features that each other recipe is a regression on
RECIPES = {
    "tiny.en": ("whisper_stats",),
    "base": ("whisper_base_stats",),
    "both": ("whisper_stats", "whisper_base_stats"),
}
#: scikit-learn's C, on standardised columns
INVERSE_PENALTIES = (0.001, 0.002, 0.005, 0.01)

Floats = NDArray[np.float32]


def load_clips() -> tuple[pd.DataFrame, dict[str, Floats]]:
    """Return the clips with the champion's answers, and their features [shape=(clips, columns)]."""
    project = find_project()
    names = sorted({name for features in RECIPES.values() for name in features})
    arrays = {
        name: store.load_arrays(project.features("audio", extractor_of(name)), name)
        for name in names
    }
    answers = _read(CHAMPION)
    known = [answers["performance"].isin(clips) for clips in arrays.values()]
    answers = answers[np.all(known, axis=0)].reset_index(drop=True)
    features = {
        name: np.stack([clips[key].ravel() for key in answers["performance"]]).astype(np.float32)
        for name, clips in arrays.items()
    }
    return answers, features


def predict_nested(
    features: Mapping[str, Floats], labels: NDArray[np.integer], folds: NDArray[np.integer]
) -> dict[str, NDArray[np.float64]]:
    """Return each recipe's probabilities of every clip [shape=(clips, classes)].

    Args:
        features: by name [shape=(clips, columns)]
        labels: the true classes' codes [shape=(clips,)]
        folds: of each clip [shape=(clips,)]
    """
    numbers = np.unique(folds)
    shape = (len(INVERSE_PENALTIES), len(labels), labels.max() + 1)
    #: by recipe and tested fold: of that fold, and of each other one by a fit that saw neither
    nested = {(recipe, fold): np.zeros(shape) for recipe in RECIPES for fold in numbers}
    pairs = list(combinations_with_replacement(numbers, 2))
    for pair in tqdm(pairs, desc="fits", unit="pair of folds"):
        train = ~np.isin(folds, pair)
        products = {name: _standardised_products(rows, train) for name, rows in features.items()}
        for recipe, names in RECIPES.items():
            probabilities = _fit(np.sum([products[name] for name in names], axis=0), train, labels)
            for tested, predicted in {pair, pair[::-1]}:
                rows = folds == predicted
                nested[recipe, tested][:, rows] = probabilities[:, rows]
    answers = {recipe: np.zeros(shape[1:]) for recipe in RECIPES}
    for (recipe, fold), by_penalty in nested.items():
        inner = np.flatnonzero(folds != fold)
        losses = [-np.log(rows[inner, labels[inner]]).mean() for rows in by_penalty]
        answers[recipe][folds == fold] = by_penalty[np.argmin(losses)][folds == fold]
    return answers


def _standardised_products(rows: Floats, train: NDArray[np.bool_]) -> Floats:
    """Return the scalar products of all clips with those of the training set."""
    deviation = np.maximum(rows[train].std(axis=0), 1e-6)
    standardised = (rows - rows[train].mean(axis=0)) / deviation
    products: Floats = standardised @ standardised[train].T
    return products


def _fit(
    products: Floats, train: NDArray[np.bool_], labels: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return the probabilities by each penalty [shape=(penalties, clips, classes)].

    The regression is on the clips' coordinates in the space that the training set spans, which
    gives the same probabilities as one on the columns.
    """
    values, vectors = np.linalg.eigh(products[train].astype(np.float64))
    nonzero = values > values[-1] * 1e-6
    coordinates = products @ (vectors[:, nonzero] / np.sqrt(values[nonzero]))
    regression = LogisticRegression(class_weight="balanced", max_iter=1000, warm_start=True)
    probabilities = []
    for penalty in INVERSE_PENALTIES:
        regression.set_params(C=penalty).fit(coordinates[train], labels[train])
        probabilities.append(regression.predict_proba(coordinates))
    return np.stack(probabilities)


def measure() -> None:
    """Write the kept answers.

    Raises:
        SystemExit: the project has no cross-validated answers
    """
    ensemble = find_project().crossvalidation("audio") / "predictions.csv"
    if not ensemble.exists():
        raise SystemExit(f"there is no {ensemble}: run `dvc repro crossvalidate@audio` in study/")
    _keep(published.read_predictions(ensemble, str(ensemble)), "actor", ENSEMBLE)
    clips, features = load_clips()
    codes = {name: code for code, name in enumerate(ravdess.EMOTIONS)}
    labels = clips["true"].map(codes).to_numpy(int)
    columns = metrics.probability_columns(ravdess.EMOTIONS)
    for protocol in PROTOCOLS:
        if protocol == "emobox":
            actors = clips["actor"].map("{:02d}".format)
            clips["fold"] = fold_by_emobox(clips.assign(corpus=ravdess.NAME, actor=actors))
        folds = clips["fold"].to_numpy(int)
        for recipe, probabilities in predict_nested(features, labels, folds).items():
            answers = clips.assign(**dict(zip(columns, probabilities.T, strict=True)))
            _keep(answers, protocol, recipe)


def _keep(answers: pd.DataFrame, protocol: str, recipe: str) -> None:
    columns = ["performance", "fold", "true", *metrics.probability_columns(ravdess.EMOTIONS)]
    (ROOT / ANSWERS).mkdir(parents=True, exist_ok=True)
    file = ROOT / ANSWERS / f"{protocol}-{recipe}.csv"
    answers[columns].to_csv(file, index=False, float_format="%.6f")


def join(recipes: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the geometric mean of several recipes' probabilities, sorted by performance."""
    columns = metrics.probability_columns(ravdess.EMOTIONS)
    tables = [metrics.probabilities(rows).clip(min=MIN_PROBABILITY) for rows in recipes]
    product = np.exp(np.mean([np.log(table) for table in tables], axis=0))
    product /= product.sum(axis=1, keepdims=True)
    return recipes[0].assign(**dict(zip(columns, product.T, strict=True)))


def compare(bootstrap: Bootstrap) -> Iterator[tuple[str, ...]]:
    """Yield a row a recipe: protocol, recipe, UAR, less the champion's, and of each fold."""
    for protocol in PROTOCOLS:
        recipes = {recipe: _read(ANSWERS / f"{protocol}-{recipe}.csv") for recipe in RECIPES}
        if protocol == "actor":
            champion = _read(CHAMPION)
            joined = {
                f"champion and {recipe}": join([rows, champion]) for recipe, rows in recipes.items()
            }
            ensemble = _read(ANSWERS / f"actor-{ENSEMBLE}.csv")
            recipes = {"champion": champion, **recipes, **joined, ENSEMBLE: ensemble}
        for recipe, rows in recipes.items():
            by_fold = [f"{metrics.uar_of(fold):.3f}" for _, fold in rows.groupby("fold")]
            uar = metrics.intervals(rows, bootstrap)["uar"]
            difference = "–"
            if protocol == "actor" and recipe != "champion":
                difference = f"{paired_bootstrap(rows, recipes['champion'], bootstrap)['uar']:+}"
            yield protocol, recipe, str(uar), difference, *by_fold


def _read(file: Path) -> pd.DataFrame:
    return published.read_predictions(ROOT / file, str(file))


def main() -> None:
    """Run the experiment, or print its figures again."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--table", action="store_true", help="from the kept answers")
    if not parser.parse_args().table:
        measure()
    for row in compare(Bootstrap.from_settings(load_settings(ROOT))):
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
