"""Published predictions, drawn at random: they say nothing of any system."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from helpers.probabilities import PROBABILITIES

from avemo.corpus.adapters.ravdess import Recording
from avemo.evaluation import metrics
from avemo.report.manifest import Manifest

CHANNELS = {"speech": (1,), "song": (2,), "both": (1, 2)}
ACTORS = range(1, 13)


def predictions(
    channels: Iterable[int] = (1,),
    skill: float = 2.0,
    seed: int = 0,
    actors: Iterable[int] = ACTORS,
) -> pd.DataFrame:
    """A table for every emotion, intensity and statement of some actors, in folds of two."""
    rows = [
        Recording(3, channel, emotion, 1, statement, repetition, actor)
        for actor in actors
        for channel in channels
        for emotion in range(1, 9 if channel == 1 else 7)
        for statement in (1, 2)
        for repetition in (1, 2)
    ]
    random = np.random.default_rng(seed)
    scores = random.standard_normal((len(rows), 8))
    scores[np.arange(len(rows)), [row.emotion - 1 for row in rows]] += skill
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    table = pd.DataFrame(
        {
            "performance": [row.performance for row in rows],
            "fold": [(row.actor - 1) // 2 % 6 + 1 for row in rows],
            "true": [row.label for row in rows],
        }
    )
    table[PROBABILITIES] = probabilities.round(6)
    return table.sort_values("performance", ignore_index=True)


def sharpened(table: pd.DataFrame, temperature: float) -> pd.DataFrame:
    """As it was before the temperature."""
    values = metrics.probabilities(table).clip(1e-6) ** temperature
    values /= values.sum(axis=1, keepdims=True)
    return table.assign(**dict(zip(PROBABILITIES, values.round(6).T, strict=True)))


def uar(table: pd.DataFrame) -> float:
    return metrics.uar_of(table)


def run(name: str, experiment: str = "avemo/baselines") -> dict[str, object]:
    return {
        "experiment": experiment,
        "run_id": name.encode().hex()[:32].ljust(32, "0"),
        "run_name": name,
        "commit": "0123456789abcdef",
        "changed": False,
        "params": {"seed": "20"},
    }


def champion(table: pd.DataFrame, synthetic: bool = False) -> dict[str, object]:
    actors = table["performance"].str[-2:].astype(int)
    return {
        "corpus": "sample (synthetic)" if synthetic else "path",
        "synthetic": synthetic,
        "protocol": "actor",
        "performances": len(table),
        "run": run("whole procedure", "avemo/audio"),
        "folds": [
            {
                "fold": int(str(fold)),
                "actors": sorted(set(actors[rows.index].tolist())),
                "members": ["whisper", "whisper", "cnn"],
                "configurations": [{"architecture": "whisper", "units": 64}] * 3,
                "inner_uar": 0.5,
                "temperature": 1.5,
                "uar": uar(rows),
                "run": run(f"fold {fold}", "avemo/audio"),
            }
            for fold, rows in table.groupby("fold")
        ],
        "trials": [trial("00", 0.5), trial("01", 0.52, units=32)],
    }


def trial(number: str, value: float, **more: object) -> dict[str, object]:
    return {
        "hyperparameters": {"architecture": "cnn"} | more,
        "folds": {"2": value - 0.01, "3": value + 0.01},
        "run": run(f"trial {number} cnn", "avemo/audio"),
    }


def publish(
    folder: Path,
    systems: Sequence[str] = ("lstm", "cnn"),
    synthetic: bool = False,
    skipped: dict[str, str] | None = None,
    with_champion: bool = True,
) -> Path:
    """Write `results/audio`."""
    (folder / "baselines").mkdir(parents=True)
    model: dict[str, object] | None = None
    entries: list[dict[str, object]] = []
    if with_champion:
        table = predictions(seed=1)
        table.to_csv(folder / "predictions.csv", index=False, float_format="%.6f")
        before = sharpened(table, 1.5)
        before.to_csv(folder / "uncalibrated.csv", index=False, float_format="%.6f")
        model = champion(table, synthetic)
    for number, name in enumerate(systems):
        runs = []
        for channel, codes in CHANNELS.items():
            for protocol, skill in (("random", 1.5), ("actor", 1.0)):
                table = predictions(codes, skill, seed=10 + number)
                if protocol == "random":
                    table = table[::5].assign(fold=4)
                file = folder / "baselines" / f"{name}-{channel}-{protocol}.csv"
                table.to_csv(file, index=False, float_format="%.6f")
                entry = {"channel": channel, "protocol": protocol, "performances": len(table)}
                runs.append(entry | {"uar": uar(table), "run": run(f"{name} {channel} {protocol}")})
        corpus = "sample (synthetic)" if synthetic else "path"
        entries.append({"name": name, "corpus": corpus, "synthetic": synthetic, "runs": runs})
    reasons = (skipped or {}).items()
    entries += [{"name": name, "skipped": reason} for name, reason in reasons]
    manifest = {"champion": model, "systems": entries}
    (folder / "runs.json").write_text(json.dumps(Manifest.model_validate(manifest).model_dump()))
    return folder
