"""Published predictions, drawn at random: they say nothing of any system."""

import json
import types
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from helpers.probabilities import PROBABILITIES

from avemo.corpus.adapters.ravdess import Recording
from avemo.corpus.folds import EMOBOX
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


def run(name: str, experiment: str = "avemo/baselines") -> dict[str, object]:
    return {
        "experiment": experiment,
        "run_id": name.encode().hex()[:32].ljust(32, "0"),
        "run_name": name,
        "commit": "0123456789abcdef",
        "changed": False,
        "params": {"seed": "20"},
    }


def champion(
    table: pd.DataFrame, synthetic: bool = False, channel: str = "speech"
) -> dict[str, object]:
    actors = table["performance"].str[-2:].astype(int)
    return {
        "channel": channel,
        "corpus": "sample (synthetic)" if synthetic else "path",
        "synthetic": synthetic,
        "protocol": "actor",
        "performances": len(table),
        "run": run(f"crossvalidate {channel}", "avemo/audio"),
        "folds": [
            {
                "fold": int(str(fold)),
                "actors": sorted(set(actors[rows.index].tolist())),
                "members": ["whisper", "whisper", "cnn"],
                "configurations": [{"architecture": "whisper", "units": 64}] * 3,
                "inner_uar": 0.5,
                "temperature": 1.5,
                "uar": metrics.uar_of(rows),
                "run": run(f"fold {fold} {channel}", "avemo/audio"),
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
    champions: Mapping[str, float] = types.MappingProxyType({"speech": 2.0}),
    emobox: Sequence[str] = (),
) -> Path:
    """Write `results/audio`.

    Args:
        emobox: the systems that were also run on EmoBox's folds
        champions: by channel, how skilled the champion is
    """
    for name in ("baselines", "champion"):
        (folder / name).mkdir(parents=True)
    models: list[dict[str, object]] = []
    entries: list[dict[str, object]] = []
    for channel, skill in champions.items():
        seed = 2 if channel == "both" else 1  # noise of its own on the same performances
        table = predictions(CHANNELS[channel], skill, seed)
        table.to_csv(folder / f"champion/{channel}.csv", index=False, float_format="%.6f")
        before = sharpened(table, 1.5)
        name = f"champion/{channel}-uncalibrated.csv"
        before.to_csv(folder / name, index=False, float_format="%.6f")
        models.append(champion(table, synthetic, channel))
    corpus = "sample (synthetic)" if synthetic else "path"
    for number, name in enumerate(systems):
        runs = []
        for channel, codes in CHANNELS.items():
            protocols = {"random": 1.5, "actor": 1.0} | ({"emobox": 1.2} if name in emobox else {})
            for protocol, skill in protocols.items():
                table = predictions(codes, skill, seed=10 + number)
                if protocol == "random":
                    table = table[::5].assign(fold=4)
                elif protocol == "emobox":
                    folds = {f"{actor:02d}": fold for fold, own in EMOBOX.items() for actor in own}
                    table = table.assign(fold=table["performance"].str[-2:].map(folds))
                file = folder / "baselines" / f"{name}-{channel}-{protocol}.csv"
                table.to_csv(file, index=False, float_format="%.6f")
                entry = {"channel": channel, "protocol": protocol, "performances": len(table)}
                entry |= {"corpus": corpus, "uar": metrics.uar_of(table)}
                runs.append(entry | {"run": run(f"{name} {channel} {protocol}")})
        entries.append({"name": name, "synthetic": synthetic, "runs": runs})
    reasons = (skipped or {}).items()
    entries += [{"name": name, "skipped": reason} for name, reason in reasons]
    manifest = {"champions": models, "systems": entries}
    (folder / "runs.json").write_text(json.dumps(Manifest.model_validate(manifest).model_dump()))
    return folder
