"""Three small corpora, each a fold: the models are tested on a corpus that they have not heard."""

from pathlib import Path

import numpy as np
import pytest
from helpers.checkout import Checkout
from scipy.signal import resample_poly

from avemo.media.sound import write_wav
from avemo.records import CrossValidationResult
from avemo.synthetic.voice import SAMPLE_RATE, speak

pytestmark = pytest.mark.slow

#: by corpus, how its files are named, and its emotions by their places among the sample's
NAMES = {
    "crema_d": ("{speaker}_DFA_{emotion}_XX.wav", {0: "NEU", 3: "SAD", 4: "ANG"}),
    "emodb": ("{speaker}a01{emotion}a.wav", {0: "N", 3: "T", 4: "W"}),
    "tess": ("{speaker}_back_{emotion}.wav", {0: "neutral", 3: "sad", 4: "angry"}),
}
SPEAKERS = {
    "crema_d": {1: "1001", 2: "1002", 3: "1003"},
    "emodb": {4: "08", 5: "03", 6: "09"},
    "tess": {8: "OAF", 10: "YAF"},
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A project in which all stages ran, and the cross-validation after them."""
    checkout = Checkout(tmp_path_factory.mktemp("project"))
    corpora = checkout.folder / "recordings"
    for corpus, (name, emotions) in NAMES.items():
        (corpora / corpus).mkdir(parents=True)
        for actor, speaker in SPEAKERS[corpus].items():
            for place, emotion in emotions.items():
                sound = resample_poly(speak(actor, place, 1.1, 1, 20, place), 1, 3)
                file = corpora / corpus / name.format(speaker=speaker, emotion=emotion)
                write_wav(file, sound.astype(np.float32), SAMPLE_RATE // 3)
    folders = [f"recordings/{corpus}" for corpus in NAMES]
    output = ("--output", "recordings/manifest.csv")
    done = checkout.run("avemo", "corpus", "manifest", *folders, *output)
    assert done.returncode == 0, done.stderr
    checkout.set("corpus.source", "manifest")
    checkout.set("split.protocol", "corpus")
    checkout.set("split.folds", 3)
    checkout.set("labels.classes", ["neutral", "sad", "angry"])
    checkout.set("labels.corpora", {})
    prosody = checkout.settings()["extractors"]["prosody"]
    checkout.set("extractors", {"prosody": prosody, "openface": {}})
    checkout.set("search.audio.architectures", ["prosody"])
    checkout.set("search.audio.sampling_order", [])
    checkout.set("search.audio.fallback", [])
    checkout.set("search.audio.quick", {"trials": 2, "epochs": 4, "members": 1})
    checkout.set("search.audio.full", {"trials": 2, "epochs": 4, "members": 1})
    checkout.set("search.budget", "full")
    checkout.run_stages()
    return checkout


def test_each_fold_names_its_corpus(checkout: Checkout) -> None:
    done = checkout.run("dvc", "repro", "crossvalidate@audio", cwd=checkout.folder / "study")
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-3000:]
    file = checkout.folder / "study/crossvalidation/audio/summary.json"
    result = CrossValidationResult.read(file)
    assert result.protocol == "corpus"
    assert [fold.corpora for fold in result.folds] == [[corpus] for corpus in sorted(NAMES)]
    for fold, corpus in zip(result.folds, sorted(NAMES), strict=True):
        assert fold.actors == sorted(f"{corpus}-{name}" for name in SPEAKERS[corpus].values())
    for line in ("fold 1, crema_d: UAR ", "fold 2, emodb: UAR ", "fold 3, tess: UAR "):
        assert line in output
    assert result.figures["uar"].actors == 8


def test_the_card_says_how_it_does_on_the_corpus_that_it_has_not_heard(
    checkout: Checkout,
) -> None:
    card = read_card(checkout.folder)
    (sentence,) = [line for line in card.splitlines() if line.startswith("On CREMA-D, a corpus")]
    assert sentence.endswith(": 9 performances of 3 speakers; guessing has 0.333.")
    assert "Each fold is a corpus" in card


def test_the_card_and_the_lineage_name_the_licences(checkout: Checkout) -> None:
    card = read_card(checkout.folder)
    licences = card.partition("## Licences")[2]
    assert "- Recordings of TESS: CC BY-NC-ND 4.0." in licences
    assert "- Recordings of EmoDB: not stated; ask the corpus's authors." in licences
    assert "CREMA-D" not in licences
    done = checkout.run("avemo", "lineage", "models:/avemo-audio@candidate")
    assert "recordings of TESS: CC BY-NC-ND 4.0" in done.stdout
    version = checkout.client().get_model_version("avemo-audio", "1")
    assert "TESS: CC BY-NC-ND 4.0" in version.tags["avemo.corpus_licences"]


def read_card(folder: Path) -> str:
    (card,) = (folder / "mlruns").rglob("model_card.md")
    return card.read_text()
