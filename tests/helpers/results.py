"""Kept predictions as they would be, drawn on the spot: they say nothing of any system."""

import json

import numpy as np
import pandas as pd

from avemo.corpus.adapters.ravdess import Recording
from avemo.evaluation import metrics
from avemo.report.facts import Facts

CHANNELS = {"speech": (1,), "song": (2,), "both": (1, 2)}
ACTORS = range(1, 13)


def predictions(channels=(1,), skill=2.0, seed=0, actors=ACTORS):
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
    scores[np.arange(len(rows)), [one.emotion - 1 for one in rows]] += skill
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    table = pd.DataFrame(
        {
            "performance": [one.performance for one in rows],
            "fold": [(one.actor - 1) // 2 % 6 + 1 for one in rows],
            "true": [one.label for one in rows],
        }
    )
    table[list(metrics.PROBABILITIES)] = chances.round(6)
    return table.sort_values("performance", ignore_index=True)


def sharpened(table, temperature):
    """As it was before the temperature."""
    chances = metrics.probabilities(table).clip(1e-6) ** temperature
    chances /= chances.sum(axis=1, keepdims=True)
    return table.assign(**dict(zip(metrics.PROBABILITIES, chances.round(6).T, strict=True)))


def uar(table):
    return metrics.uar(table["true"], metrics.predicted(table))


def run(name, experiment="avemo/baselines"):
    return {
        "experiment": experiment,
        "run_id": name.encode().hex()[:32].ljust(32, "0"),
        "run_name": name,
        "commit": "0123456789abcdef",
        "changed": False,
        "params": {"seed": "20"},
    }


def champion(table, synthetic=False):
    actors = table["performance"].str[-2:].astype(int)
    return {
        "corpus": "sample (synthetic)" if synthetic else "path",
        "synthetic": synthetic,
        "protocol": "actor",
        "performances": len(table),
        "run": run("whole procedure", "avemo/audio"),
        "folds": [
            {
                "fold": int(fold),
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
        "seconds": {"search": 100.0},
    }


def trial(number, value, **more):
    return {
        "hyperparameters": {"architecture": "cnn"} | more,
        "folds": {"2": value - 0.01, "3": value + 0.01},
        "run": run(f"trial {number} cnn", "avemo/audio"),
    }


def keep(folder, systems=("lstm", "cnn"), synthetic=False, absent=None, with_champion=True):
    """Write `results/audio`."""
    (folder / "baselines").mkdir(parents=True)
    facts = {"champion": None, "systems": []}
    if with_champion:
        table = predictions(seed=1)
        table.to_csv(folder / "predictions.csv", index=False, float_format="%.6f")
        before = sharpened(table, 1.5)
        before.to_csv(folder / "uncalibrated.csv", index=False, float_format="%.6f")
        facts["champion"] = champion(table, synthetic)
    for number, name in enumerate(systems):
        runs = []
        for channel, codes in CHANNELS.items():
            for protocol, skill in (("random", 1.5), ("actor", 1.0)):
                table = predictions(codes, skill, seed=10 + number)
                if protocol == "random":
                    table = table[::5].assign(fold=4)
                file = folder / "baselines" / f"{name}-{channel}-{protocol}.csv"
                table.to_csv(file, index=False, float_format="%.6f")
                one = {"channel": channel, "protocol": protocol, "performances": len(table)}
                runs.append(one | {"uar": uar(table), "run": run(f"{name} {channel} {protocol}")})
        corpus = "sample (synthetic)" if synthetic else "path"
        facts["systems"].append(
            {"name": name, "corpus": corpus, "synthetic": synthetic, "runs": runs}
        )
    facts["systems"] += [{"name": name, "absent": why} for name, why in (absent or {}).items()]
    (folder / "runs.json").write_text(json.dumps(Facts.model_validate(facts).model_dump()))
    return folder
