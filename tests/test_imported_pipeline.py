"""The pipeline on sound alone, with action units that OpenFace measured elsewhere."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.checkout import Checkout
from helpers.openface_files import random_units, write_means

pytestmark = pytest.mark.slow

#: made up: says nothing about accuracy
TABLE = "synthetic_au_means.csv"


def write_synthetic_units(file: Path, performances: list[str]) -> None:
    """Write means that tell the emotions apart: each has an action unit of its own."""
    means = {}
    for seed, performance in enumerate(performances):
        units = random_units(1, seed) / 5
        emotion = int(performance.split("-")[1])
        units.iloc[0, :8] += np.where(np.arange(8) == emotion - 1, 4.0, 0.0)
        units.iloc[0, 8:] = 0.5
        means[performance] = units
    write_means(file, means)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The sample's sound as a folder of recordings, and one trained and registered project."""
    checkout = Checkout(tmp_path_factory.mktemp("project"))
    checkout.set("corpus.sample.actors", 6)
    checkout.run_stages(last="fetch")
    sounds = sorted((checkout.folder / "data" / "raw").rglob("03-*.wav"))
    for sound in sounds:
        (checkout.folder / "recordings" / sound.name).write_bytes(sound.read_bytes())
    write_synthetic_units(checkout.folder / TABLE, [sound.stem[3:] for sound in sounds])
    params = checkout.settings()
    mfcc = params["extractors"]["mfcc"]
    checkout.set("extractors", {"mfcc": mfcc, "openface": {}})
    checkout.set("imported.openface", TABLE)
    checkout.set("corpus.source", "path")
    names = {"audio": ["lstm"], "visual": ["action_units"], "fused": ["late"]}
    for modality, architectures in names.items():
        search = params["search"][modality] | {"architectures": architectures}
        search |= {"fallback": [], "sampling_order": [], "batch_size": 4}
        budget = {"trials": 1, "epochs": 40 if modality == "visual" else 2, "members": 1}
        checkout.set(f"search.{modality}", search | {"quick": budget})
    checkout.repro("split", "audio-features", "visual-features")
    checkout.run_stages("search")
    return checkout


def test_every_model_is_evaluated_and_only_sound_has_a_champion(checkout: Checkout) -> None:
    results = checkout.json("results/evaluation/metrics.json")["modalities"]
    assert results["visual"]["test"]["uar"]["value"] > 0.5  # chance is 0.125
    assert results["fused"]["test"]["uar"]["performances"] == 16
    client = checkout.client()
    aliases = {
        modality: set(client.get_registered_model(f"avemo-{modality}").aliases)
        for modality in ("audio", "visual", "fused")
    }
    assert aliases == {
        "audio": {"candidate", "champion"},
        "visual": {"candidate"},
        "fused": {"candidate"},
    }
    versions = checkout.json("results/registered.json")["versions"]
    assert versions["audio"]["not_champion"] == ""
    for modality in ("visual", "fused"):
        assert versions[modality]["not_champion"].startswith("features: imported: openface")
        version = client.get_model_version(f"avemo-{modality}", "1")
        assert version.tags["avemo.features"] == "imported: openface (OpenFace 2)"
        assert version.tags["avemo.repeated"].startswith("16 performances from features, 0 from")
        assert version.description is not None
        assert "features: imported" in version.description


def test_it_is_not_promoted_and_answers_no_clip(checkout: Checkout) -> None:
    for modality in ("visual", "fused"):
        promoted = checkout.run("avemo", "registry", "promote", modality)
        assert promoted.returncode == 1
        assert "refused: features" in " ".join(promoted.stdout.split())
        clip = next((checkout.folder / "recordings").glob("*.wav"))
        uri = f"models:/avemo-{modality}/1"
        done = checkout.run("avemo", "predict", "--json", "--model", uri, str(clip))
        assert done.returncode == 1
        (answer,) = [json.loads(line) for line in done.stdout.splitlines()]
        assert answer["finding"] == "imported"
        assert "Traceback" not in done.stderr
    clip = next((checkout.folder / "recordings").glob("*.wav"))
    done = checkout.run("avemo", "predict", "--json", str(clip))
    assert json.loads(done.stdout)["model"] == "avemo-audio version 1"


def test_another_table_is_seen(checkout: Checkout) -> None:
    features = ("audio-features", "visual-features")
    assert "up to date" in checkout.run("dvc", "status", *features).stdout
    file = checkout.folder / TABLE
    before = file.read_text()
    table = pd.read_csv(file)
    try:
        table.assign(AU01_r=table["AU01_r"] / 2).to_csv(file, index=False)
        changed = set(json.loads(checkout.run("dvc", "status", "--json", *features).stdout))
    finally:
        file.write_text(before)
    assert "visual-features" in changed
    assert "audio-features" not in changed
