"""Finished stages are published as a whole, with their runs, or not at all."""

import json
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from helpers.finished_stages import (
    COMMIT,
    SPEECH,
    StartRun,
    baseline,
    cross_validated,
    searched,
    skipped,
    tracking_store,
)
from helpers.results import predictions, publish

from avemo.errors import AvemoError
from avemo.paths import Project
from avemo.records import Skipped
from avemo.report import published
from avemo.report.experiments import render_experiments
from avemo.report.import_runs import import_runs
from avemo.report.manifest import Champion

SONG = predictions([2], seed=4)
BOTH = predictions([1, 2], seed=5)


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartRun]:
    """Makes runs in a tracking store."""
    with tracking_store(tmp_path_factory.mktemp("tracking")) as start_run:
        yield start_run


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def content(project: Project) -> dict[str, bytes]:
    folder = project.root / published.FOLDER
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


@pytest.mark.slow
def test_everything_that_is_finished(project: Project, tracked: StartRun) -> None:
    summary = cross_validated(project, tracked)
    baseline(project, tracked, "lstm")
    skipped(project, "vggish-ml", f"there is none in {project.root}/weights, nor at https://a.b/c")
    messages = import_runs(project, [project])
    assert [line.partition(":")[0] for line in messages] == [
        "study/crossvalidation/audio",
        "study/baselines/lstm",
        "study/baselines/vggish-ml",
    ]
    assert "imported as speech, 384 performances of run crossvalidate" in messages[0]
    assert messages[1].endswith("imported, runs: 1")
    publication = published.read(project.root / published.FOLDER)
    (best,) = publication.manifest.champions
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
    for name, source in (("speech", "predictions"), ("speech-uncalibrated", "uncalibrated")):
        copied = content(project)[f"champion/{name}.csv"]
        assert copied == (stage / f"{source}.csv").read_bytes()
    assert str(project.root) not in content(project)["runs.json"].decode()
    before = content(project)
    import_runs(project, [project])
    assert content(project) == before


def test_what_has_no_finished_stage_stays(project: Project, tracked: StartRun) -> None:
    publish(project.root / published.FOLDER, systems=["lstm", "cnn"])
    before = content(project)
    baseline(project, tracked, "cnn")
    skipped(project, "lstm", "no features")
    messages = import_runs(project, [project])
    assert messages[1] == (
        "study/baselines/lstm: not imported, because it is not run here, and its runs elsewhere "
        "are published"
    )
    after = content(project)
    assert after.keys() == before.keys()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"runs.json", "baselines/cnn-speech-actor.csv"}


@pytest.mark.slow
def test_a_search_that_was_too_short_to_be_cross_validated(
    project: Project, tracked: StartRun
) -> None:
    folder = project.crossvalidation("audio")
    folder.mkdir(parents=True)
    Skipped(reason="search.budget is quick").write(folder / "summary.json")
    reason = "not imported, because it is not run here: search.budget is quick"
    message = f"study/crossvalidation/audio: {reason}"
    assert refused(project) == f"there are no predictions to publish: {message}"
    publish(project.root / published.FOLDER)
    before = content(project)
    assert import_runs(project, [project]) == [message]
    assert content(project).keys() == before.keys()
    baseline(project, tracked, "lstm")
    assert import_runs(project, [project])[0] == message


def test_the_synthetic_sample_replaces_nothing_real(project: Project, tracked: StartRun) -> None:
    publish(project.root / published.FOLDER, systems=["lstm"])
    before = content(project)
    cross_validated(project, tracked, synthetic=True)
    baseline(project, tracked, "lstm", synthetic=True)
    messages = import_runs(project, [project])
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
    import_runs(project, [project])
    facts = published.read_manifest(project.root / published.FOLDER)
    (best,) = facts.champions
    assert not best.synthetic
    assert not any(system.synthetic for system in facts.systems)


@pytest.mark.slow
def test_each_channel_has_a_champion(project: Project, tracked: StartRun) -> None:
    publish(project.root / published.FOLDER, systems=[])
    before = content(project)
    cross_validated(project, tracked, SONG, SONG)
    (message,) = import_runs(project, [project])
    assert "imported as song, 288 performances of run crossvalidate" in message
    after = content(project)
    assert before.keys() - {"runs.json"} < after.keys()
    assert all(after[name] == before[name] for name in before if name != "runs.json")
    cross_validated(project, tracked, BOTH, BOTH)
    import_runs(project, [project])
    manifest = published.read(project.root / published.FOLDER).manifest
    assert [best.channel for best in manifest.champions] == ["speech", "song", "both"]
    speech, sung, _ = manifest.champions
    assert sung.run.commit == COMMIT
    assert sung.run.run_id != speech.run.run_id
    new = predictions([2], seed=5)
    cross_validated(project, tracked, new, new)
    import_runs(project, [project])
    manifest = published.read(project.root / published.FOLDER).manifest
    assert [best.channel for best in manifest.champions] == ["speech", "song", "both"]
    assert manifest.champions[0] == speech
    assert manifest.champions[1].run.run_id != sung.run.run_id


@pytest.mark.slow
def test_the_synthetic_sample_and_real_recordings_do_not_share_a_page(
    project: Project, tracked: StartRun
) -> None:
    """Their performances have the same names, and would be compared."""
    publish(project.root / published.FOLDER, systems=[])
    cross_validated(project, tracked, BOTH, BOTH, synthetic=True)
    (message,) = import_runs(project, [project])
    assert "not imported, because it is of the synthetic sample" in message
    clone = Project(project.root / "clone")
    publish(clone.root / published.FOLDER, systems=[], champions={"song": 2.0}, synthetic=True)
    cross_validated(clone, tracked)
    import_runs(clone, [clone])
    manifest = published.read(clone.root / published.FOLDER).manifest
    assert [best.channel for best in manifest.champions] == ["speech"]


def test_a_baseline_s_runs_on_other_channels_stay(project: Project, tracked: StartRun) -> None:
    publish(project.root / published.FOLDER, systems=["lstm"], champions={})
    before = content(project)
    no_speech = {"channel": "speech", "reason": "the corpus has no speech"}
    skipped_runs = [no_speech | {"protocol": name} for name in ("random", "actor")]
    baseline(project, tracked, "lstm", table=SONG, channel="song", skipped_runs=skipped_runs)
    (message,) = import_runs(project, [project])
    assert message == "study/baselines/lstm: imported, runs: 1; published ones that stay: 5"
    after = content(project)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"runs.json", "baselines/lstm-song-actor.csv"}
    (system,) = published.read(project.root / published.FOLDER).manifest.systems
    assert len(system.runs) == 6
    assert system.skipped_runs == []
    assert [run.run.changed for run in system.runs] == [False, False, False, True, False, False]


def test_what_no_run_is_published_of_says_why(project: Project, tracked: StartRun) -> None:
    reasons = [
        {"channel": name, "protocol": "actor", "reason": f"no {name}"} for name in ("song", "both")
    ]
    baseline(project, tracked, "lstm", skipped_runs=reasons)
    import_runs(project, [project])
    baseline(project, tracked, "lstm", table=SONG, channel="song", skipped_runs=reasons[1:])
    import_runs(project, [project])
    (system,) = published.read(project.root / published.FOLDER).manifest.systems
    assert [run.channel for run in system.runs] == ["speech", "song"]
    assert [(run.channel, run.reason) for run in system.skipped_runs] == [("both", "no both")]


def refused(project: Project) -> str:
    """Everything stays as it was."""
    before = content(project)
    with pytest.raises(AvemoError) as error:
        import_runs(project, [project])
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


@pytest.mark.slow
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
    expected = "audio/summary.json: protocol: Input should be 'random', 'actor', 'emobox', "
    assert expected in refused(project)


def test_a_champion_of_other_corpora_is_not_published(project: Project, tracked: StartRun) -> None:
    result = cross_validated(project, tracked)
    folds = [fold | {"actors": ["emodb-03"]} for fold in result["folds"]]
    cross_validated(project, tracked, folds=folds)
    assert "not imported, because its speakers are not RAVDESS's alone" in refused(project)


def test_a_champion_is_tested_on_unseen_actors(project: Project, tracked: StartRun) -> None:
    cross_validated(project, tracked, protocol="random")
    assert "not imported, because its protocol is random, and not actor" in refused(project)


@pytest.mark.slow
def test_what_other_searches_tried_stays_beside_the_champion_s_own(
    project: Project, tracked: StartRun
) -> None:
    cross_validated(project, tracked)
    searched(project, tracked, ["tuned"], current=False)
    searched(project, tracked, ["failed"], current=False, status="FAILED")
    searched(project, tracked, ["drawn"], current=False, corpus="sample (synthetic)")
    searched(project, tracked, ["sung"], current=False, split="another")
    searched(project, tracked, ["cnn", "lstm"])

    def published_now() -> tuple[list[str], list[str], Champion]:
        import_runs(project, [project])
        (best,) = published.read(project.root / published.FOLDER).manifest.champions
        trials, others = (
            [str(trial.hyperparameters["architecture"]) for trial in trials]
            for trials in (best.trials, best.others)
        )
        return trials, others, best

    trials, others, best = published_now()
    assert (trials, others) == (["cnn", "lstm"], ["tuned"])
    assert best.trials[1].folds == {"2": 0.6, "3": 0.6}
    assert best.others[0].run.commit.startswith("tuned")
    page = render_experiments([best])
    assert page.index("trial 00 cnn") < page.index("Other searches") < page.index("trial 00 tuned")

    searched(project, tracked, ["newer"])
    for run in mlflow.search_runs(experiment_names=["avemo/audio"], output_format="list"):
        if run.data.tags.get("mlflow.source.git.commit", "").startswith("tuned"):
            mlflow.delete_run(run.info.run_id)  # gone from the store, not from what is published
    trials, others, _ = published_now()
    assert trials == ["newer"]
    assert sorted(others) == ["cnn", "lstm", "tuned"]
