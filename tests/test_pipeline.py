"""`dvc repro` from end to end, in a copy of the project."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from helpers.checkout import ROOT, Checkout

from avemo.records import EvaluationResult

MODALITIES = ("audio", "visual", "fused")
#: of a stage's name, by modality
ENDS = ("@audio", "@visual", "-fused")
FEATURES = {
    "fetch",
    "catalogue",
    "split",
    "soundtrack",
    "audio-features",
    "faces",
    "visual-features",
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A small corpus and short trainings, run from end to end."""
    small = Checkout(tmp_path_factory.mktemp("project"))
    small.set("corpus.sample.actors", 6)
    small.set("corpus.sample.channels", ["speech", "song"])
    small.set("corpus.sample.intensities", ["normal", "strong"])
    small.set("faces.detector", "mtcnn")
    small.set("faces.frames", 6)
    small.set("baselines.epochs", 1)
    small.set("baselines.channels", ["speech"])
    small.set("baselines.protocols", ["random"])
    for modality in MODALITIES:
        several = 1 if modality == "fused" else 2
        budget = {"trials": several, "epochs": 2, "members": several}
        small.set(f"search.{modality}.quick", budget)
    small.repro()
    return small


def test_again_nothing_is_rerun(checkout: Checkout) -> None:
    before = (checkout.folder / "dvc.lock").read_bytes()
    said = checkout.repro()
    assert "Running stage" not in said
    assert "Data and pipelines are up to date." in said
    assert (checkout.folder / "dvc.lock").read_bytes() == before
    assert "Data and pipelines are up to date." in checkout.run("dvc", "status").stdout


def test_runs_and_trials(checkout: Checkout) -> None:
    client = checkout.client()
    for modality in MODALITIES:
        experiment = client.get_experiment_by_name(f"avemo/{modality}")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id])
        (search,) = [run for run in runs if run.info.run_name == "search"]
        children = [
            run for run in runs if run.data.tags.get("mlflow.parentRunId") == search.info.run_id
        ]
        assert len(children) == (1 if modality == "fused" else 2)
        assert all(run.info.status == "FINISHED" for run in [*children, search])
        (train,) = [run for run in runs if run.info.run_name.startswith("train")]
        assert train.data.tags["avemo.search_run"] == search.info.run_id
        assert train.data.tags["avemo.corpus"] == "sample (synthetic)"
        assert train.data.tags["avemo.data.data/split.csv"]
        assert {"valid_uar", "test_uar", "test_uar_low", "test_uar_high"} <= set(train.data.metrics)
        artifacts = {one.path for one in client.list_artifacts(train.info.run_id)}
        members = [
            run for run in runs if run.data.tags.get("mlflow.parentRunId") == train.info.run_id
        ]
        assert len(members) == (1 if modality == "fused" else 2)
        for member in members:
            if modality == "fused":  # a late fusion is fitted at once
                assert {"weight_audio", "weight_visual"} <= set(member.data.params)
                continue
            assert {"loss", "uar"} <= set(member.data.metrics)
            (curves,) = client.list_artifacts(member.info.run_id)
            assert curves.path == "learning_curves.png"
        assert {
            "members.json",
            "test_confusion.png",
            "test_report.txt",
            "params.yaml",
        } <= artifacts
    said = checkout.run("avemo", "search", "audio", "--workers", "2").stdout
    command = "AVEMO_SEARCH_WORKERS=2 dvc repro search@audio"
    assert said.startswith(f"{command}, in {checkout.folder}")
    assert "Data and pipelines are up to date." in said


def test_the_original_study_s_systems(checkout: Checkout) -> None:
    vggish = ("vggish-deep", "vggish-ml", "vggish-lstm")
    done = checkout.run("avemo", "baselines", "run", "lstm", "cnn", "face-vgg16", *vggish)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    client = checkout.client()
    split = pd.read_csv(checkout.folder / "data/split.csv")
    speech = set(split.loc[split["performance"].str.startswith("01"), "performance"])
    for system, extractor in (("lstm", "mfcc"), ("cnn", "logmel")):
        found = checkout.json(f"study/baselines/{system}/runs.json")
        assert found["synthetic"]
        (one,) = found["runs"]
        run = client.get_run(one["run_id"])
        assert run.info.status == "FINISHED"
        assert run.info.run_name == f"{system} speech random"
        experiment = client.get_experiment_by_name(one["experiment"])
        assert experiment is not None
        assert run.info.experiment_id == experiment.experiment_id
        assert run.data.tags["avemo.data.data/catalogue.parquet"]
        assert extractor in run.data.tags[f"avemo.features.{extractor}"]
        assert {"valid_uar", "test_uar", "test_uar_low", "test_uar_high"} <= set(run.data.metrics)
        table = pd.read_csv(checkout.folder / f"study/baselines/{system}/{one['predictions']}")
        assert set(table["performance"]) < speech
        assert len(table) == pytest.approx(len(speech) / 5, abs=1)
    for system in vggish:
        assert "vggish" in checkout.json(f"study/baselines/{system}/runs.json")["reason"]
    said = checkout.run("avemo", "baselines", "run", "cnn").stdout
    assert said.startswith(f"dvc repro baselines@cnn, in {checkout.folder}/study")
    assert "Data and pipelines are up to date." in said
    listed = checkout.run("avemo", "baselines", "list").stdout
    assert sum(line.split()[1:3] == ["speech", "random"] for line in listed.splitlines()) == 2
    assert ": not run: there are no backbone features: params.yaml has no line" in listed
    assert listed.count(": not run: there are no vggish features") == 3


def test_three_models_are_registered(checkout: Checkout) -> None:
    client = checkout.client()
    for modality in MODALITIES:
        aliases = client.get_registered_model(f"avemo-{modality}").aliases
        assert set(aliases) == {"candidate", "champion"}
    status = json.loads(checkout.run("avemo", "status", "--json").stdout)
    assert status["split"]["parts"] == {"train": 42, "valid": 42, "test": 42}
    assert status["features"] == dict.fromkeys(
        ("faces", "mfcc", "logmel", "prosody", "geometry", "crops"), 126
    )
    for modality in MODALITIES:
        (version,) = status["models"][modality]["versions"]
        assert version["aliases"] == ["candidate", "champion"]


def test_each_modality_is_split_alike(checkout: Checkout) -> None:
    tables = [
        pd.read_csv(checkout.folder / f"results/evaluation/{modality}.csv")
        for modality in MODALITIES
    ]
    split = pd.read_csv(checkout.folder / "data/split.csv")
    test = set(split.loc[split["part"].eq("test"), "performance"])
    for table in tables:
        assert set(table["performance"]) == test
        assert list(table["true"]) == list(tables[0]["true"])


def test_the_fused_model_with_a_modality_missing(checkout: Checkout) -> None:
    result = EvaluationResult.read(checkout.folder / "results/evaluation/metrics.json")
    tables = {
        name: pd.read_csv(checkout.folder / f"results/evaluation/{name}.csv")
        for name in ("fused", "fused_audio", "fused_visual")
    }
    for part in ("audio", "visual"):
        alone = tables[f"fused_{part}"]
        assert list(alone["performance"]) == list(tables["fused"]["performance"])
        assert not alone.equals(tables["fused"])
        assert result.modalities["fused"].unimodal[part]["uar"].performances == len(alone)
    compared = pd.read_csv(checkout.folder / "results/search/fused/comparison.csv")
    assert {"audio", "visual", "late"} <= set(compared["system"])


@pytest.mark.parametrize(
    ("modality", "kind", "close"),
    # the fused figures were made with the wav's sound; the film's went through AAC
    [("audio", "03", 1e-3), ("visual", "02", 1e-3), ("fused", "01", 2e-2)],
)
def test_a_registered_model_repeats_its_predictions(
    checkout: Checkout, tmp_path: Path, modality: str, kind: str, close: float
) -> None:
    """In a clean process, elsewhere, without the checkout: by MLflow alone."""
    kept = pd.read_csv(checkout.folder / f"results/evaluation/{modality}.csv").iloc[0]
    file = checkout.recording(kind, kept["performance"])
    script = f"""
import sys, mlflow, pandas as pd
from pathlib import Path
mlflow.set_tracking_uri("sqlite:///{checkout.folder}/mlruns/mlflow.db")
model = mlflow.pyfunc.load_model("models:/avemo-{modality}@champion")
file = Path(sys.argv[1])
answers = model.predict(pd.DataFrame({{"media": [file, file.read_bytes()]}}))
assert not any(name.split(".")[0] == "avemo" for name in sys.modules), "the installed code was used"
print(answers.to_json(orient="records"))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)],
        cwd=tmp_path,
        env={name: value for name, value in checkout.env.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    by_path, by_content = json.loads(done.stdout.splitlines()[-1])
    columns = [name for name in kept.index if name.startswith("p_")]
    assert [by_path[name] for name in columns] == pytest.approx(list(kept[columns]), abs=close)
    assert by_path == by_content


def test_predict_takes_the_model_that_fits(checkout: Checkout, tmp_path: Path) -> None:
    performance = "01-03-01-01-01-01"
    files = [str(checkout.recording(kind, performance)) for kind in ("01", "02", "03")]
    broken = tmp_path / "broken.wav"
    broken.write_text("no sound")
    done = checkout.run("avemo", "predict", "--json", *files, str(broken), cwd=tmp_path)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    # the second film's sound track is silent: the fused model predicts from the picture alone
    models = ["avemo-fused version 1", "avemo-fused version 1", "avemo-audio version 1"]
    assert [answer["model"] for answer in answers[:3]] == models
    assert [bool(answer["reason"]) for answer in answers[:3]] == [False, True, False]
    for answer in answers[:3]:
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert answer["emotion"] == max(answer["probabilities"], key=answer["probabilities"].get)
    assert answers[3]["finding"] == "unreadable"
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


SEARCHED = {f"{action}{modality}" for action in ("search", "train") for modality in ENDS}


@pytest.mark.parametrize(
    ("code", "before", "after", "rerun", "not_rerun"),
    [
        ("models/hypermodel.py", "weight_decay=0.02", "weight_decay=0.03", SEARCHED, FEATURES),
        ("features/visual/crops.py", "", "# changed", {"visual-features"}, {"audio-features"}),
        ("evaluation/calibration.py", "", "# changed", SEARCHED, FEATURES),
        ("registry/card.py", "", "# changed", {"register"}, SEARCHED | FEATURES),
    ],
)
def test_changed_code_is_seen(
    checkout: Checkout,
    code: str,
    before: str,
    after: str,
    rerun: set[str],
    not_rerun: set[str],
) -> None:
    file = checkout.folder / "avemo" / code
    text = file.read_text()
    assert before in text
    try:
        file.write_text(text.replace(before, after) if before else f"{text}\n{after}\n")
        changed = set(json.loads(checkout.run("dvc", "status", "--json").stdout))
    finally:
        file.write_text(text)
    assert rerun <= changed
    assert not changed & not_rerun


@pytest.mark.parametrize("name", ["predict", "compare_runs"])
def test_an_example_notebook_runs(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    import nbformat
    from nbclient import NotebookClient

    for key, value in checkout.env.items():
        monkeypatch.setenv(key, value)
    notebook = nbformat.read(ROOT / f"examples/{name}.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    folder = {"metadata": {"path": str(checkout.folder / "examples")}}
    NotebookClient(notebook, kernel_name="python3", resources=folder, timeout=300).execute()
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    assert any("image/png" in output.get("data", {}) for cell in outputs for output in cell) == (
        name == "predict"
    )


def test_a_model_of_another_split_is_not_judged(checkout: Checkout) -> None:
    file = checkout.folder / "data/split.csv"
    before = file.read_text()
    file.unlink()  # DVC made it read-only
    file.write_text(before.replace("train", "valid", 1))
    done = checkout.run(sys.executable, "-m", "pipelines.evaluate")
    file.write_text(before)
    assert done.returncode == 1
    assert "avemo: the trained audio model was made on split" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_settings_stop_the_pipeline_with_one_line(checkout: Checkout) -> None:
    file = checkout.folder / "params.yaml"
    before = file.read_text()
    checkout.set("split.protocol", "actors")
    done = checkout.run("dvc", "repro", "split")
    file.write_text(before)
    assert done.returncode != 0
    assert "avemo: params.yaml: split.protocol:" in done.stderr
    assert "Traceback" not in done.stderr


def test_sound_alone_takes_the_place_of_the_sample_s_champion(
    checkout: Checkout, tmp_path: Path
) -> None:
    """A folder of wavs, one of them broken: one model, of recordings; no others."""
    for wav in checkout.folder.glob("data/raw/*/*/03-*.wav"):
        target = tmp_path / "wavs" / wav.name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(wav.read_bytes())
    (tmp_path / "wavs" / "03-01-01-01-01-01-01.wav").write_bytes(b"RIFF")
    checkout.set("corpus.source", "path")
    checkout.set("corpus.path", str(tmp_path / "wavs"))
    for folder in ("data", "features", "results"):  # as DVC does before it runs a stage
        shutil.rmtree(checkout.folder / folder)
    output = checkout.run_stages()
    assert "1 set aside" in output
    assert "register: no avemo-visual: no performance of the training part has crops" in output
    assert "register: avemo-audio version 2, candidate and champion\n" in output
    linked = checkout.folder / "data/raw/03-01-03-01-01-01-01.wav"
    assert linked.stat().st_nlink > 1, "copied, not linked"
    for modality, versions in (("audio", {"2"}), ("visual", {"1"}), ("fused", {"1"})):
        aliases = checkout.client().get_registered_model(f"avemo-{modality}").aliases
        assert {str(version) for version in aliases.values()} == versions
