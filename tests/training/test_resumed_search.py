"""A search that was killed goes on; with another budget it begins anew."""

from pathlib import Path

import mlflow
import pytest
import yaml
from helpers.training_task import tracked_project
from helpers.two_modalities import make_two_modality_project

from avemo.config import load_settings
from avemo.paths import Project
from avemo.training.search import search
from avemo.training.task import load_task

pytestmark = pytest.mark.slow


class Killed(Exception):
    """Takes the place of a signal in the middle of a search."""


def run_search(project: Project, folder: Path) -> str:
    """Run the search of audio, and return the run's id."""
    settings = load_settings(project.root)
    task = load_task(project, settings, "audio")
    folder.mkdir(parents=True)
    return search(project, settings, task, folder).run_id


@pytest.mark.parametrize("trials", [1, 2])
def test_it_goes_on_unless_its_budget_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trials: int
) -> None:
    def kill(*arguments: object, **options: object) -> None:
        raise Killed

    with tracked_project(tmp_path):
        project = make_two_modality_project(tmp_path / "project")
        with monkeypatch.context() as patch:
            patch.setattr("avemo.training.search._run_trials", kill)
            with pytest.raises(Killed):
                run_search(project, tmp_path / "first")
        (killed,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
        file = project.root / "params.yaml"
        params = yaml.safe_load(file.read_text())
        params["search"]["audio"]["full"]["trials"] = trials
        file.write_text(yaml.safe_dump(params))
        run_id = run_search(project, tmp_path / "second")
        assert (run_id == killed.info.run_id) == (trials == 1)
        assert mlflow.get_run(run_id).info.status == "FINISHED"
        assert mlflow.get_run(run_id).data.params["trials"] == str(trials)
        if trials == 2:
            assert mlflow.get_run(killed.info.run_id).info.status in ("FAILED", "KILLED")
