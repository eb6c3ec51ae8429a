"""A version is evaluated on people of another corpus, and the registry says how it did."""

import json
import shutil
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
import yaml
from helpers.bundles import bundle_config
from helpers.lineage import new_lineage
from helpers.registered_versions import (
    NAME,
    ROOT,
    new_network,
    new_predictions,
    new_project,
    register_version,
)
from helpers.sounds import encoded, voice

from avemo.cli import main
from avemo.config import load_settings
from avemo.corpus.labelled_clips import gather_clips
from avemo.errors import CorpusError
from avemo.paths import Project
from avemo.records import CorpusEvaluation, Interval, TrainedOn
from avemo.registry import card
from avemo.registry.other_corpora import extend_description, keep_evaluation, read_evaluations
from avemo.registry.predictor import RegisteredModel
from avemo.serving.versions.description import describe
from avemo.tracking import integrity

RATE = 16_000
CHAMPION = f"models:/{NAME}@champion"
#: the version finds every sound happy: right on two of these five
EMODB = ("03a01Fa", "03a01Wa", "08b02Fb", "08b02Nb", "09a01Ta")


@pytest.fixture
def project(tmp_path: Path, registry: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    created = new_project(tmp_path / "project")
    monkeypatch.setenv("AVEMO_ROOT", str(created.root))
    monkeypatch.chdir(tmp_path)
    register_version(
        tmp_path / "version",
        new_predictions(0.7),
        alias="champion",
        network=new_network("happy", seed=3),
        trained_on=TrainedOn(performances=64, actors=4, corpora=["ravdess"]),
    )
    return created


@pytest.fixture
def emodb(tmp_path: Path) -> Path:
    """Five clips of three speakers; a broken one, one of no class, and one of another corpus."""
    folder = tmp_path / "emodb"
    put(folder, *(f"{name}.wav" for name in EMODB), "03a01La.wav", "1002_DFA_ANG_XX.wav")
    (folder / "08a01Na.wav").write_bytes(b"no sound")
    return folder


def put(folder: Path, *names: str) -> None:
    """Write a sound under each name, each of another length."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        sound = voice(RATE, 0.5 + number / 20)
        (folder / name).write_bytes(encoded(sound, RATE, "wav-16"))


def evaluate(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, list[str]]:
    capsys.readouterr()
    code = main(["evaluate", *arguments])
    out, err = capsys.readouterr()
    lines = [line for line in err.split("\n") if line and "\r" not in line]
    return code, out, [line for line in lines if not line.endswith("…")]  # on a busy machine


def read_version() -> Any:
    return mlflow.MlflowClient().get_model_version(NAME, "1")


def new_evaluation(**fields: object) -> CorpusEvaluation:
    interval = Interval(0.35, 0.2, 0.5, 4, 43)
    defaults: dict[str, object] = {
        **{"corpus": "emodb", "title": "EmoDB", "model": NAME, "number": "3", "run_id": "r1"},
        **{"untrained": False, "synthetic": False, "trained_on": ["RAVDESS"], "familiar": False},
        **{"right": 15, "figures": {"uar": interval}, "chance_level": 1 / 6, "test": None},
        **{"left_out": {}, "failed": {}, "one_stream": 0},
    }
    return CorpusEvaluation.model_validate(defaults | fields)


def test_the_sentence() -> None:
    assert new_evaluation().sentence == (
        "avemo-audio version 3, trained on RAVDESS, is right on 15 of 43 clips of EmoDB (UAR 0.350 "
        "[0.200, 0.500], 4 speakers; guessing 0.167)"
    )
    synthetic = new_evaluation(synthetic=True, trained_on=[])
    assert ", trained on the synthetic sample, is right" in synthetic.sentence


@pytest.mark.slow
def test_a_corpus_by_its_file_names(
    project: Project, emodb: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = evaluate(capsys, "emodb", "--csv", "clips.csv")
    assert (code, err) == (0, [])
    # happy, angry, neutral and sad are there: the recalls are 1, 0, 0, 0
    sentence = (
        "avemo-audio version 1, trained on RAVDESS, is right on 2 of 5 clips of EmoDB (UAR 0.25"
    )
    words = " ".join(out.split())
    assert sentence in words
    assert ", 3 speakers; guessing 0.250)." in words
    assert "EmoDB its own test part" in words
    assert "recall of happy 1.000 [1.000, 1.000] 0.7" in words
    assert "left out: 1 clips: boredom is no class (labels.corpora.emodb)" in words
    assert "no answer: 1 clips: unreadable" in words
    assert "08a01Na.wav" in words
    assert "passed over: 1 files" in words

    folder = project.root / "results" / "corpora" / "emodb" / NAME
    evaluation = CorpusEvaluation.read(folder / "summary.json")
    assert (evaluation.right, evaluation.clips, evaluation.speakers) == (2, 5, 3)
    assert evaluation.failed == {"unreadable": 1}
    assert evaluation.run_id == new_lineage().run_id
    assert evaluation.test
    assert evaluation.test["uar"].actors == 8
    table = pd.read_csv(folder / "predictions.csv", keep_default_na=False)
    assert (folder / "predictions.csv").read_bytes() == Path("clips.csv").read_bytes()
    rows = {str(row["file"]): row for row in table.to_dict("records")}
    assert len(rows) == len(EMODB) + 2
    angry, broken = rows["03a01Wa.wav"], rows["08a01Na.wav"]
    assert (angry["true"], angry["predicted"], angry["speaker"]) == ("angry", "happy", "emodb-03")
    assert (broken["finding"], broken["predicted"]) == ("unreadable", "")
    assert (rows["03a01La.wav"]["emotion"], rows["03a01La.wav"]["true"]) == ("boredom", "")
    assert table["right"].sum() == 2

    version = read_version()
    assert version.tags["avemo.corpora.emodb"] == evaluation.sentence
    assert "## Other corpora\n" in version.description
    assert "| EmoDB | 5 | 3 | 2 | 0.25" in version.description
    assert integrity.verify_version(version) == []
    model = RegisteredModel(CHAMPION)
    assert model.version
    served = describe(model.version, "champion", model.folder).to_dict(since="", purpose="")
    assert served["other_corpora"] == {"emodb": evaluation.sentence}


@pytest.mark.slow
def test_for_machines_and_again(
    project: Project, emodb: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    code, out, _ = evaluate(capsys, "emodb", "--json")
    fields = json.loads(out)
    assert code == 0
    assert (fields["right"], fields["chance_level"]) == (2, 0.25)
    assert Path(fields["predictions"]).is_file()

    def refuse(*arguments: object) -> None:
        raise AssertionError("a clip is answered that the journal has")

    monkeypatch.setattr("avemo.registry.predictor.RegisteredModel.predict", refuse)
    again = json.loads(evaluate(capsys, "emodb", "--json", "--model", f"models:/{NAME}/1")[1])
    assert again == fields


@pytest.mark.slow
def test_people_that_the_version_may_have_heard(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "speech", "03-01-03-01-01-01-01.wav", "03-01-04-01-01-01-02.wav")
    code, out, err = evaluate(capsys, "speech")
    assert code == 0
    assert "is right on 1 of 2 clips of RAVDESS" in out
    assert err[-1].startswith("avemo: warning: avemo-audio version 1 was trained on RAVDESS")
    assert "| RAVDESS (trained on it, too) | 2 |" in read_version().description


@pytest.mark.slow
def test_a_manifest_of_two_corpora(
    project: Project, emodb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"path": "emodb/03a01Fa.wav", "speaker": "a", "emotion": "joy", "corpus": "Mine"},
        {"path": "emodb/03a01Wa.wav", "speaker": "b", "emotion": "angry", "corpus": "Mine"},
        {"path": "emodb/missing.wav", "speaker": "b", "emotion": "angry", "corpus": "Mine"},
        {"path": "emodb/08b02Fb.wav", "speaker": "c", "emotion": "sad", "corpus": "Other"},
    ]
    pd.DataFrame(rows).to_csv("manifest.csv", index=False)
    code, _, err = evaluate(capsys, "manifest.csv")
    assert code == 1
    assert "manifest.csv has 2 corpora (mine, other): name one with --corpus" in err[-1]
    code, _, err = evaluate(capsys, "manifest.csv", "--corpus", "third")
    assert code == 1
    assert "has no corpus 'third': --corpus takes mine, other" in err[-1]
    code, _, err = evaluate(capsys, "manifest.csv", "--corpus", "mine")
    assert code == 1
    assert "mine has joy: `mine: {joy: null}`" in err[-1]
    params = yaml.safe_load((project.root / "params.yaml").read_text())
    params["labels"]["corpora"]["mine"] = {"joy": "happy"}
    (project.root / "params.yaml").write_text(yaml.safe_dump(params))
    code, out, _ = evaluate(capsys, "manifest.csv", "--corpus", "mine")
    assert code == 0
    assert "is right on 1 of 2 clips of mine" in out
    assert "no answer: 1 clips: missing" in out


@pytest.mark.slow
def test_classes_that_the_version_does_not_have_are_left_out(
    project: Project, emodb: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = yaml.safe_load((project.root / "params.yaml").read_text())
    params["labels"]["classes"].append("boredom")
    del params["labels"]["corpora"]["emodb"]
    (project.root / "params.yaml").write_text(yaml.safe_dump(params))
    code, out, _ = evaluate(capsys, "emodb")
    assert code == 0
    assert "left out: 1 clips: boredom is no class of avemo-audio version 1" in out
    assert "is right on 2 of 5 clips" in out


REFUSED = {
    "nothing": "there is no nothing: a manifest or a corpus's folder is expected",
    "broken": "no champion can answer for a clip of this corpus: 03a01Fa.wav: ",
    f"broken --model {CHAMPION}": "none of the 1 clips of EmoDB has an answer: 03a01Fa.wav: ",
    "emodb --corpus english": "no adapter is called 'english': ravdess, crema_d",
    "emodb --model models:/avemo-audio@best": "names no registered version",
}


@pytest.mark.slow
def test_what_cannot_be_evaluated_is_one_line_and_leaves_nothing(
    project: Project, emodb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "03a01Fa.wav").write_bytes(b"RIFF")
    for arguments, message in REFUSED.items():
        code, out, err = evaluate(capsys, *arguments.split())
        assert (code, out) == (1, "")
        assert message in err[-1]
    assert not (project.root / "results").exists()
    assert "avemo.corpora.emodb" not in read_version().tags
    assert list((project.root / ".avemo").rglob("*.wav")) == []


def test_parts_of_a_file_and_copies(tmp_path: Path) -> None:
    put(tmp_path, "talk.wav")
    rows = {"path": "talk.wav", "speaker": "a", "emotion": ["sad", "happy"]}
    pd.DataFrame(rows | {"start": [0.0, 0.2], "end": [0.2, 0.5]}).to_csv(
        tmp_path / "manifest.csv", index=False
    )
    labels = load_settings(ROOT).labels
    clips = gather_clips(tmp_path, "Talks", labels, tmp_path / "out")
    assert (clips.corpus, clips.title) == ("talks", "talks")
    assert clips.rows["emotion"].tolist() == ["sad", "happy"]
    assert all((clips.folder / name).is_file() for name in clips.rows["path"])

    speech = tmp_path / "speech"
    put(speech / "Actor_01", "03-01-03-01-01-01-01.wav")
    shutil.copytree(speech / "Actor_01", speech / "copies")
    clips = gather_clips(speech, None, labels, tmp_path / "again")
    assert clips.rows["finding"].tolist() == ["", "duplicate"]
    put(tmp_path / "unknown", "a.wav")
    with pytest.raises(CorpusError, match="which corpus it is cannot be told"):
        gather_clips(tmp_path / "unknown", None, labels, tmp_path / "third")


def render_card(*evaluations: CorpusEvaluation) -> str:
    subject = card.Subject(
        NAME, bundle_config(), new_lineage(), None, "MIT", other_corpora=evaluations
    )
    return card.render_markdown(subject, load_settings(ROOT))


def test_the_card_says_that_nothing_is_known_of_other_people_until_it_is() -> None:
    before = render_card()
    assert "Not evaluated on other corpora; `avemo evaluate` does that.\n\n## Data" in before
    emodb, crema_d = new_evaluation(), new_evaluation(corpus="crema_d", title="CREMA-D", right=1)
    description = extend_description(extend_description(before, emodb), crema_d)
    assert description == render_card(crema_d, emodb)
    assert "| EmoDB | 43 | 4 | 15 | 0.350 [0.200, 0.500] | 0.167 |" in description
    assert "Not evaluated" not in description
    better = extend_description(description, new_evaluation(right=20))
    assert better == description.replace("| 43 | 4 | 15 |", "| 43 | 4 | 20 |")


@pytest.mark.parametrize("length", [0, 200, 4990])
def test_a_description_of_somebody_s_own_gets_the_section_too(length: int) -> None:
    text = "word\n\n" * (length // 6)
    for number in range(3):
        text = extend_description(text, new_evaluation(title=f"corpus {number}"))
        assert len(text) <= 5000
    assert text.count("## Other corpora") == 1
    assert all(f"| corpus {number} | 43 |" in text for number in range(3))
    assert text.startswith("word\n\n" * min(1, length))


def test_a_card_has_the_evaluations_of_that_very_model_alone(tmp_path: Path) -> None:
    project = Project(tmp_path)
    own, rows = new_evaluation(), pd.DataFrame({"file": ["a"]})
    others = {
        "crema_d": new_evaluation(corpus="crema_d", run_id="r2"),
        "mead": new_evaluation(corpus="mead", untrained=True),
    }
    for name, evaluation in {"emodb": own, **others}.items():
        keep_evaluation(project.corpus_evaluation(name, NAME), evaluation, rows)
    keep_evaluation(project.corpus_evaluation("emodb", "avemo-fused"), own, rows)
    assert read_evaluations(project, NAME, "r1", untrained=False) == [own]
    assert read_evaluations(project, NAME, "r1", untrained=True) == [others["mead"]]
    assert read_evaluations(project, "avemo-visual", "r1", untrained=False) == []
    assert read_evaluations(Project(tmp_path / "new"), NAME, "r1", untrained=False) == []
