"""Two small corpora in the names of EmoDB and CREMA-D, from a manifest to an evaluated model."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.checkout import Checkout
from scipy.signal import resample_poly

from avemo.media.sound import write_wav
from avemo.records import EvaluationResult
from avemo.synthetic.voice import SAMPLE_RATE, speak

pytestmark = pytest.mark.slow

#: by EmoDB's number, and CREMA-D's; odd numbers of the synthetic voices are men's
EMODB = {1: "03", 2: "08", 4: "09", 3: "10", 5: "11", 6: "13"}
CREMA_D = {7: "1001", 8: "1002", 9: "1003", 10: "1004", 11: "1005", 12: "1006"}
#: place among the synthetic voices' emotions, by each corpus's code
EMODB_CODES = {"N": 0, "F": 2, "T": 3, "W": 4, "L": 1}  # boredom is spoken like calm
CREMA_D_CODES = {"NEU": 0, "HAP": 2, "SAD": 3, "ANG": 4}


def say(file: Path, actor: int, emotion: int, take: int) -> None:
    sound = speak(actor, emotion, 1.1, 1, 20, take)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_wav(file, resample_poly(sound, 1, 3).astype(np.float32), SAMPLE_RATE // 3)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A project in which the manifest of both corpora went through all stages."""
    checkout = Checkout(tmp_path_factory.mktemp("project"))
    corpora = checkout.folder / "recordings"
    for actor, name in EMODB.items():
        for code, emotion in EMODB_CODES.items():
            say(corpora / f"emodb/wav/{name}a01{code}a.wav", actor, emotion, emotion)
    for actor, name in CREMA_D.items():
        for code, emotion in CREMA_D_CODES.items():
            file = corpora / f"crema_d/AudioWAV/{name}_DFA_{code}_XX.wav"
            say(file, actor, emotion, emotion)
    sexes = "".join(f"{name},{('Female', 'Male')[actor % 2]}\n" for actor, name in CREMA_D.items())
    (corpora / "crema_d/VideoDemographics.csv").write_text(f"ActorID,Sex\n{sexes}")
    done = checkout.run(
        *("avemo", "corpus", "manifest", "recordings/emodb", "recordings/crema_d"),
        *("--output", "recordings/manifest.csv"),
    )
    assert done.returncode == 0, done.stderr
    assert "54 recordings in recordings/manifest.csv" in done.stdout
    checkout.set("corpus.source", "manifest")
    checkout.set("search.audio.quick", {"trials": 2, "epochs": 2, "members": 2})
    checkout.run_stages()
    return checkout


def test_both_corpora_are_split_by_speaker(checkout: Checkout) -> None:
    rows = pd.read_parquet(checkout.folder / "data/catalogue.parquet")
    assert rows["finding"].value_counts().to_dict() == {"": 48, "left-out": 6}
    assert set(rows[rows["finding"].eq("left-out")]["corpus_emotion"]) == {"boredom"}
    split = pd.read_csv(checkout.folder / "data/split.csv", dtype=str)
    assert len(split) == 48
    assert split.groupby("actor")["fold"].nunique().eq(1).all()
    assert split.drop_duplicates("actor")["fold"].value_counts().to_dict() == {
        str(fold): 2 for fold in range(1, 7)
    }
    assert split["sex"].value_counts().to_dict() == {"male": 24, "female": 24}


def test_the_model_is_evaluated_on_speakers_of_both(checkout: Checkout) -> None:
    file = checkout.folder / "results/evaluation/metrics.json"
    result = EvaluationResult.read(file)
    assert not result.synthetic
    audio = result.modalities["audio"]
    assert audio.test is not None
    assert (audio.test["uar"].actors, audio.test["uar"].performances) == (2, 8)
    assert result.modalities["visual"].skipped


def test_features_are_stored_by_speaker(checkout: Checkout) -> None:
    folders = {folder.name for folder in (checkout.folder / "features/audio/mfcc").iterdir()}
    expected = {f"actor=emodb-{name}" for name in EMODB.values()}
    assert folders == expected | {f"actor=crema_d-{name}" for name in CREMA_D.values()}


def test_a_registered_version_has_its_figures_by_sex(checkout: Checkout) -> None:
    (card,) = (checkout.folder / "mlruns").rglob("model_card.md")
    assert "2 actors" in card.read_text()
    assert "| women |" in card.read_text()
