"""Finished stages are published as a whole, with their runs, or not at all."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import mlflow
import pandas as pd
import pytest
from helpers.results import champion, predictions, publish, sharpened, uar
from helpers.training_task import search_result

from avemo.errors import AvemoError
from avemo.paths import Project
from avemo.records import Configuration, Skipped, Trial
from avemo.report import published
from avemo.report.experiments import render_experiments
from avemo.report.import_runs import import_runs
from avemo.report.manifest import Champion
from avemo.tracking import store

COMMIT = "f" * 40
SPEECH = predictions(seed=3)


class StartRun(Protocol):
    def __call__(self, name: str, experiment: str, nested: bool = False, **tags: str) -> str: ...


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartRun]:
    """Makes runs in a tracking store."""
    root = tmp_path_factory.mktemp("tracking")
    with pytest.MonkeyPatch.context() as patch:
        uri = f"sqlite:///{root}/mlflow.db"
        patch.setenv(store.TRACKING_URI, uri)
        patch.setenv("GIT_DIR", str(root / "none"))
        for modality in ("audio", "baselines"):
            store.ensure_experiment(mlflow.MlflowClient(), uri, f"avemo/{modality}")

        def make(name: str, experiment: str, nested: bool = False, **tags: str) -> str:
            mlflow.set_experiment(experiment)
            tags = {name.replace("_", "."): value for name, value in tags.items()}
            with mlflow.start_run(run_name=name, tags=tags, nested=nested) as run:
                mlflow.log_param("seed", 20)
            return str(run.info.run_id)

        yield make


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def cross_validated(
    project: Project, tracked: StartRun, table: pd.DataFrame = SPEECH, **summary: object
) -> dict[str, Any]:
    """The stage's outputs."""
    corpus = "sample (synthetic)" if summary.get("synthetic") else "path"
    parent = tracked(
        "crossvalidate", "avemo/audio", avemo_corpus=corpus, mlflow_source_git_commit=COMMIT
    )
    folds = [
        fold.model_dump(exclude={"run", "actors"})
        | {"actors": [f"{actor:02d}" for actor in fold.actors]}
        | {"run_id": tracked(f"fold {fold.fold}", "avemo/audio"), "run_name": "-"}
        for fold in Champion.model_validate(champion(SPEECH)).folds
    ]
    folder = project.root / "study/crossvalidation/audio"
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "predictions.csv", index=False, float_format="%.6f")
    before = sharpened(table, 1.5)
    before.to_csv(folder / "uncalibrated.csv", index=False, float_format="%.6f")
    result = {"synthetic": False, "protocol": "actor", "run_id": parent, "run_name": "-"}
    result |= {"folds": folds, "figures": {}} | summary
    header = {"record": "CrossValidationResult", "version": 1}
    (folder / "summary.json").write_text(json.dumps(header | result))
    return result


def searched(
    project: Project,
    tracked: StartRun,
    architectures: list[str],
    current: bool = True,
    corpus: str = "path",
    status: str = "FINISHED",
) -> None:
    """A finished search of these, the project's own or another."""
    tags = {"avemo.corpus": corpus, "mlflow.source.git.commit": architectures[0].ljust(40, "0")}
    mlflow.set_experiment("avemo/audio")
    trials = []
    with mlflow.start_run(run_name="search", tags=tags) as run:
        for number, name in enumerate(architectures):
            trial = tracked(f"trial 0{number} {name}", "avemo/audio", nested=True)
            for fold in (2, 3):
                mlflow.MlflowClient().log_metric(trial, f"val_uar_fold_{fold}", 0.5 + number / 10)
            configuration: Configuration = {"architecture": name}
            trials.append(Trial(run_id=trial, hyperparameters=configuration, val_uar=0.5))
        result = search_result([], trials)
        result.write(project.root / "search.json")
        mlflow.log_artifact(str(project.root / "search.json"))
    mlflow.MlflowClient().set_terminated(run.info.run_id, status)
    if current:
        project.search("audio").mkdir(parents=True, exist_ok=True)
        result.write(project.search_result("audio"))


def baseline(
    project: Project,
    tracked: StartRun,
    name: str,
    synthetic: bool = False,
    table: pd.DataFrame = SPEECH,
    **run: object,
) -> None:
    corpus = "sample (synthetic)" if synthetic else "path"
    run_id = tracked(f"{name} speech actor", "avemo/baselines", avemo_corpus=corpus,
                     avemo_protocol="actor", avemo_dirty="true")  # fmt: skip
    folder = project.baseline(name)
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "speech-actor.csv", index=False, float_format="%.6f")
    figure = {"value": uar(table), "low": None, "high": None, "actors": 12}
    entry = {
        "channel": "speech",
        "protocol": "actor",
        "experiment": "avemo/baselines",
        "run_id": run_id,
        "run_name": f"{name} speech actor",
        "predictions": "speech-actor.csv",
        "test": {"uar": figure | {"performances": len(table)}},
    } | run
    result = {"system": name, "synthetic": synthetic, "runs": [entry], "skipped_runs": []}
    header = {"record": "BaselineResult", "version": 1}
    (folder / "runs.json").write_text(json.dumps(header | result))


def skipped(project: Project, name: str, reason: str) -> None:
    folder = project.baseline(name)
    folder.mkdir(parents=True, exist_ok=True)
    Skipped(reason=reason).write(folder / "runs.json")


def content(project: Project) -> dict[str, bytes]:
    folder = project.root / published.FOLDER
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def test_everything_that_is_finished(project: Project, tracked: StartRun) -> None:
    summary = cross_validated(project, tracked)
    baseline(project, tracked, "lstm")
    skipped(project, "vggish-ml", f"there is none in {project.root}/weights, nor at https://a.b/c")
    messages = import_runs(project)
    assert [line.partition(":")[0] for line in messages] == [
        "study/crossvalidation/audio",
        "study/baselines/lstm",
        "study/baselines/vggish-ml",
    ]
    assert "imported, 384 performances of run crossvalidate" in messages[0]
    assert messages[1].endswith("imported, runs: 1")
    publication = published.read(project.root / published.FOLDER)
    best = publication.manifest.champion
    assert best is not None
    assert (best.corpus, best.synthetic, best.performances) == ("path", False, 384)
    assert best.run.model_dump() == {
        "experiment": "avemo/audio",
        "run_id": summary["run_id"],
        "run_name": "crossvalidate",
        "commit": COMMIT,
        "changed": False,
        "params": {"seed": "20"},
    }
    for fold, expected in zip(best.folds, summary["folds"], strict=True):
        assert (fold.run.run_id, fold.run.run_name) == (expected["run_id"], f"fold {fold.fold}")
        assert fold.run.commit == COMMIT
        assert fold.configurations == expected["configurations"]
    lstm, vggish = publication.manifest.systems
    assert lstm.runs[0].run.changed
    assert lstm.runs[0].run.run_name == "lstm speech actor"
    assert vggish.skipped == "there is none in …, nor at https://a.b/c"
    stage = project.root / "study/crossvalidation/audio"
    for name in ("predictions.csv", "uncalibrated.csv"):
        assert content(project)[name] == (stage / name).read_bytes()
    assert str(project.root) not in content(project)["runs.json"].decode()
    before = content(project)
    import_runs(project)
    assert content(project) == before


def test_what_has_no_finished_stage_stays(project: Project, tracked: StartRun) -> None:
    publish(project.root / published.FOLDER, systems=["lstm", "cnn"])
    before = content(project)
    baseline(project, tracked, "cnn")
    skipped(project, "lstm", "no features")
    messages = import_runs(project)
    assert messages[1] == (
        "study/baselines/lstm: not imported, because it is not run here, and its runs elsewhere "
        "are published"
    )
    after = content(project)
    assert {name for name in after if "cnn" in name} == {"baselines/cnn-speech-actor.csv"}
    for name in before:
        if name != "runs.json" and "cnn" not in name:
            assert after[name] == before[name]


def test_a_search_that_was_too_short_to_be_cross_validated(
    project: Project, tracked: StartRun
) -> None:
    folder = project.crossvalidation("audio")
    folder.mkdir(parents=True)
    Skipped(reason="search.budget is quick").write(folder / "summary.json")
    reason = "not imported, because it is not run here: search.budget is quick"
    message = f"study/crossvalidation/audio: {reason}"
    assert refused(project) == f"no stage here made predictions that could be published: {message}"
    publish(project.root / published.FOLDER)
    before = content(project)
    assert import_runs(project) == [message]
    assert content(project).keys() == before.keys()
    baseline(project, tracked, "lstm")
    assert import_runs(project)[0] == message


def test_the_synthetic_sample_replaces_nothing_real(project: Project, tracked: StartRun) -> None:
    publish(project.root / published.FOLDER, systems=["lstm"])
    before = content(project)
    cross_validated(project, tracked, synthetic=True)
    baseline(project, tracked, "lstm", synthetic=True)
    messages = import_runs(project)
    assert [line.partition("not imported, because ")[2] for line in messages] == [
        "it is of the synthetic sample, and what is published is of real recordings"
    ] * 2
    after = content(project)
    assert json.loads(after.pop("runs.json")) == json.loads(before.pop("runs.json"))
    assert after == before


def test_real_recordings_replace_the_synthetic_sample(project: Project, tracked: StartRun) -> None:
    publish(project.root / published.FOLDER, systems=["lstm"], synthetic=True)
    cross_validated(project, tracked)
    baseline(project, tracked, "lstm")
    import_runs(project)
    facts = published.read_manifest(project.root / published.FOLDER)
    assert facts.champion is not None
    assert not facts.champion.synthetic
    assert not any(system.synthetic for system in facts.systems)


def refused(project: Project) -> str:
    """Everything stays as it was."""
    before = content(project)
    with pytest.raises(AvemoError) as error:
        import_runs(project)
    assert content(project) == before
    assert [file.name for file in (project.root / "results").glob(".*")] == []
    return str(error.value)


def test_nothing_finished(project: Project, tracked: StartRun) -> None:
    assert "no stage is finished here" in refused(project)


def test_a_run_that_is_not_in_the_tracking_store(project: Project, tracked: StartRun) -> None:
    publish(project.root / published.FOLDER)
    cross_validated(project, tracked)
    baseline(project, tracked, "lstm", run_id="0" * 32)
    assert f"the run {'0' * 32} is not at sqlite:///" in refused(project)


def test_a_stage_that_its_run_contradicts(project: Project, tracked: StartRun) -> None:
    baseline(project, tracked, "lstm", protocol="random")
    assert "is on path by protocol actor, and its stage says otherwise" in refused(project)
    cross_validated(project, tracked, synthetic=True)
    file = project.root / "study/crossvalidation/audio/summary.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"synthetic": False}))
    assert "is on sample (synthetic) by protocol actor" in refused(project)


def test_a_stage_with_damaged_predictions(project: Project, tracked: StartRun) -> None:
    publish(project.root / published.FOLDER)
    flipped = SPEECH.copy()
    flipped.loc[0, "true"] = "surprised"
    cross_validated(project, tracked, table=flipped)
    message = refused(project)
    place = "study/crossvalidation/audio/predictions.csv"
    assert message.startswith(f"nothing is imported: {place}: 01-01-01-01-01-01 is by its name")
    assert message.endswith("Run its stage again (dvc repro --force in study)")
    cross_validated(project, tracked, table=predictions(skill=9.0))
    assert "these are not the run's predictions" in refused(project)
    (project.root / "study/crossvalidation/audio/uncalibrated.csv").unlink()
    assert "study/crossvalidation/audio/uncalibrated.csv is missing" in refused(project)


def test_a_damaged_summary(project: Project, tracked: StartRun) -> None:
    cross_validated(project, tracked, protocol="none")
    expected = "audio/summary.json: protocol: Input should be 'random', 'actor', 'emobox' or "
    assert expected in refused(project)


def test_a_champion_of_other_corpora_is_not_published(project: Project, tracked: StartRun) -> None:
    result = cross_validated(project, tracked)
    folds = [fold | {"actors": ["emodb-03"]} for fold in result["folds"]]
    cross_validated(project, tracked, folds=folds)
    assert "not imported, because its speakers are not RAVDESS's alone" in refused(project)


def test_a_champion_is_tested_on_unseen_actors(project: Project, tracked: StartRun) -> None:
    cross_validated(project, tracked, protocol="random")
    assert "not imported, because its protocol is random, and not actor" in refused(project)


def test_what_other_searches_tried_stays_beside_the_champion_s_own(
    project: Project, tracked: StartRun
) -> None:
    cross_validated(project, tracked)
    searched(project, tracked, ["tuned"], current=False)
    searched(project, tracked, ["failed"], current=False, status="FAILED")
    searched(project, tracked, ["drawn"], current=False, corpus="sample (synthetic)")
    searched(project, tracked, ["cnn", "lstm"])

    def published_now() -> tuple[list[str], list[str], Champion]:
        import_runs(project)
        best = published.read(project.root / published.FOLDER).manifest.champion
        assert best is not None
        trials, others = (
            [str(trial.hyperparameters["architecture"]) for trial in trials]
            for trials in (best.trials, best.others)
        )
        return trials, others, best

    trials, others, best = published_now()
    assert (trials, others) == (["cnn", "lstm"], ["tuned"])
    assert best.trials[1].folds == {"2": 0.6, "3": 0.6}
    assert best.others[0].run.commit.startswith("tuned")
    page = render_experiments(best)
    assert page.index("trial 00 cnn") < page.index("Other searches") < page.index("trial 00 tuned")

    searched(project, tracked, ["newer"])
    for run in mlflow.search_runs(experiment_names=["avemo/audio"], output_format="list"):
        if run.data.tags.get("mlflow.source.git.commit", "").startswith("tuned"):
            mlflow.delete_run(run.info.run_id)  # gone from the store, not from what is published
    trials, others, _ = published_now()
    assert trials == ["newer"]
    assert sorted(others) == ["cnn", "lstm", "tuned"]
