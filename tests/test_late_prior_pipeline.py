"""A project with films of too few actors: its fused version answers through `late_prior`."""

import json

import pytest
from helpers.checkout import ROOT, Checkout

from avemo.records import BundleConfig, Registration, SearchResult, TrainResult

WEIGHTS = ROOT.parent / "shared" / "weights"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real,
    pytest.mark.skipif(not WEIGHTS.exists(), reason=f"no {WEIGHTS}"),
]

#: who has films: the test fold and one other, which leaves nothing to choose by
FILMED = ("-01", "-02", "-05", "-06")

LIBRARY_AND_PYFUNC = """
import json, sys
from pathlib import Path
import avemo, mlflow, pandas
uri, film = sys.argv[1], Path(sys.argv[2])
library = avemo.load_model(uri).predict(film).probabilities
rows = mlflow.pyfunc.load_model(uri).predict(pandas.DataFrame({"media": [film]}))
print(json.dumps([library, {name: float(rows["p_" + name].iloc[0]) for name in library}]))
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The sample's sound of six actors and films of four, as recordings of people."""
    checkout = Checkout(tmp_path_factory.mktemp("project"))
    checkout.env["AVEMO_ASSETS_MIRROR"] = str(WEIGHTS)
    checkout.set("corpus.sample.actors", 6)
    checkout.set("corpus.sample.channels", ["speech"])
    checkout.run_stages(last="fetch")
    for file in (checkout.folder / "data" / "raw").rglob("0[13]-*"):
        if file.suffix == ".wav" or file.stem.endswith(FILMED):
            (checkout.folder / "recordings" / file.name).write_bytes(file.read_bytes())
    checkout.set("corpus.source", "path")
    checkout.set("faces.detector", "mtcnn")
    checkout.set("faces.frames", 4)
    params = checkout.settings()
    extractors = {name: params["extractors"][name] for name in ("prosody", "expression")}
    checkout.set("extractors", extractors | {"openface": {}})
    names = {
        "audio": ["prosody"],
        "visual": ["expression_prior", "expression_linear"],
        "fused": ["late_prior", "late"],
    }
    for modality, architectures in names.items():
        search = params["search"][modality] | {"architectures": architectures}
        search |= {"fallback": [], "sampling_order": []}
        search["quick"] = {"trials": 2, "epochs": 2, "members": 1}
        checkout.set(f"search.{modality}", search)
    checkout.run_stages()
    return checkout


def test_where_nothing_can_be_compared_it_is_selected_and_registered(checkout: Checkout) -> None:
    search = SearchResult.read(checkout.folder / "results/search/fused/search.json")
    assert search.trials == []
    assert [member["architecture"] for member in search.members] == ["late_prior"]
    assert TrainResult.read(checkout.folder / "results/train/fused/run.json").architecture == (
        "late_prior"
    )
    registered = Registration.read(checkout.folder / "results/registered.json")
    assert "the test part has 2 actors" in registered.versions["fused"].prior_reason
    configs = [
        BundleConfig.read(file) for file in (checkout.folder / "mlruns").rglob("bundle.json")
    ]
    (fused,) = [config for config in configs if config.architecture == "late_prior, untrained"]
    assert {"prosody", "expression"} <= {name.partition("_")[0] for name in fused.features}


def test_a_film_gets_the_same_answer_from_every_door(checkout: Checkout) -> None:
    film = next((checkout.folder / "recordings").glob("01-*-01.mp4"))
    uri = "models:/avemo-fused/1"
    done = checkout.run("avemo", "predict", "--json", "--model", uri, str(film))
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["evidence"]["modality"] == "fused"
    doors = checkout.run("python", "-c", LIBRARY_AND_PYFUNC, uri, str(film))
    assert doors.returncode == 0, doors.stderr[-3000:]
    library, pyfunc = json.loads(doors.stdout.splitlines()[-1])
    assert library == pyfunc == answer["probabilities"]
    assert sum(library.values()) == pytest.approx(1)


def test_a_sound_alone_is_answered_as_the_audio_model_does(checkout: Checkout) -> None:
    sound = next((checkout.folder / "recordings").glob("03-*-06.wav"))
    heard, fused = (
        checkout.run("avemo", "predict", "--json", "--model", f"models:/{name}/1", str(sound))
        for name in ("avemo-audio", "avemo-fused")
    )
    assert (heard.returncode, fused.returncode) == (0, 0), heard.stderr + fused.stderr
    first, second = (json.loads(done.stdout)["probabilities"] for done in (heard, fused))
    assert first == pytest.approx(second, abs=1e-5)
