"""What `dvc metrics` and `dvc plots` show."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from dvc.repo import Repo
from helpers.probabilities import PROBABILITIES

from avemo.corpus.adapters.ravdess import EMOTIONS
from avemo.evaluation import dvc_tables
from avemo.records import Interval

ROOT = Path(__file__).parents[2]


def predictions(*answers: tuple[str, str, float]) -> pd.DataFrame:
    rows = []
    for actual, predicted, confidence in answers:
        row = dict.fromkeys(PROBABILITIES, (1 - confidence) / (len(EMOTIONS) - 1))
        rows.append({"true": actual, **row, f"p_{predicted}": confidence})
    return pd.DataFrame(rows)


def test_confidence_beside_the_share_of_right_answers(tmp_path: Path) -> None:
    table = predictions(("sad", "sad", 0.9), ("sad", "calm", 0.86), ("calm", "sad", 0.3))
    dvc_tables.write_tables(tmp_path, "audio", table, pd.DataFrame())
    found = pd.read_csv(tmp_path / "reliability/audio.csv")
    assert found["confidence"].tolist() == pytest.approx([0.3, 0.88])
    assert found["accuracy"].tolist() == [0.0, 0.5]
    assert found["performances"].tolist() == [1, 2]


def test_members_are_averaged_by_epoch(tmp_path: Path) -> None:
    history = pd.DataFrame({"epoch": [1, 2, 1], "uar": [0.2, 0.4, 0.4], "member": [0, 0, 1]})
    dvc_tables.write_tables(tmp_path, "audio", predictions(("sad", "sad", 1.0)), history)
    found = pd.read_csv(tmp_path / "learning_curves/audio.csv")
    assert found.to_dict("list") == {"epoch": [1, 2], "uar": pytest.approx([0.3, 0.4])}


@pytest.mark.slow
def test_dvc_shows_what_was_written(tmp_path: Path) -> None:
    """By the sections of the project's own dvc.yaml; a modality may be left out."""
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    sections = {name: pipeline[name] for name in ("metrics", "plots")}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump(sections))
    folder = tmp_path / "results/evaluation"
    folder.mkdir(parents=True)
    names = ["uar", "accuracy", "macro_f1", "calibration_error", "log_loss"]
    names += ["aurc", "coverage", "selective_accuracy"]
    dvc_tables.write_summary(folder, {"audio": dict.fromkeys(names, Interval(0.5))})
    history = pd.DataFrame({"epoch": [1], "uar": [0.2], "member": [0]})
    dvc_tables.write_tables(folder, "audio", predictions(("sad", "calm", 0.9)), history)

    Repo.init(str(tmp_path), no_scm=True).close()
    with Repo(str(tmp_path)) as repo:
        (metrics,) = repo.metrics.show()[""]["data"].values()
        plots = repo.plots.show()["workspace"]
    assert metrics["data"] == {"audio": dict.fromkeys(names, 0.5)}
    assert json.loads((folder / "summary.json").read_text()) == metrics["data"]
    assert {path: content["data"] for path, content in plots["sources"]["data"].items()} == {
        "results/evaluation/confusion/audio.csv": [{"actual": "sad", "predicted": "calm"}],
        "results/evaluation/learning_curves/audio.csv": [{"epoch": "1", "uar": "0.2"}],
        "results/evaluation/reliability/audio.csv": [
            {"confidence": "0.9", "accuracy": "0", "performances": "1"}
        ],
        "results/evaluation/risk_coverage/audio.csv": [
            {"coverage": "1", "risk": "1", "threshold": "0.9"}
        ],
    }
    (definitions,) = [part["data"] for part in plots["definitions"]["data"].values()]
    confusion = definitions["results/evaluation/confusion/audio.csv"]
    assert (confusion["template"], confusion["x"], confusion["y"]) == (
        "confusion",
        "predicted",
        "actual",
    )
