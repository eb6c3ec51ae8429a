"""What is taken from stored faces, and the stage that runs every visual extractor on them."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers.expression_file import expression_file
from helpers.extracted_faces import draw_faces

from avemo.errors import MediaError
from avemo.faces import extract as faces
from avemo.features import store
from avemo.features.arrays import Arrays
from avemo.features.extraction import Extraction, extract_visual_row
from avemo.features.spec import FeatureSpec
from avemo.features.visual import crops, expression
from avemo.features.visual.crops import Crops
from avemo.features.visual.expression import Expression
from avemo.paths import Project
from avemo.pretrained import assets
from avemo.runtime import pretrained_graphs
from pipelines import visual_features as stage

ROOT = Path(__file__).parents[2]
SPEC = FeatureSpec(extractor="faces", version=3, settings={}, resources={"detector": "mtcnn"})
NEWER = SPEC.model_copy(update={"version": 4})


def keep(
    project: Project, clips: Mapping[str, Arrays | MediaError], spec: FeatureSpec = SPEC
) -> None:
    """Store faces as the stage before does: by performance, or the finding in their place."""
    rows = [
        {"performance": name, "recording": f"01-{name}", "actor": name[-2:], "sha256": name}
        for name in clips
    ]
    sources = pd.DataFrame(rows).assign(file=lambda rows: rows["performance"])
    target = store.Target(project.faces, spec, faces.ARRAYS)

    def stored(name: str, _: Collection[str]) -> dict[str, Arrays | MediaError]:
        return {"faces": clips[name]}

    store.update({"faces": target}, sources, stored, workers=1)


CLIPS: dict[str, Arrays | MediaError] = {
    "01-01-01-01-01-01-01": draw_faces(3, 1),
    "01-03-01-01-01-01-01": draw_faces(5, 2),
    "01-04-01-01-01-01-01": MediaError("no-face", "nobody"),
    "01-01-01-01-01-01-02": draw_faces(1, 3),
}
FACES = {name: clip for name, clip in CLIPS.items() if isinstance(clip, dict)}
WITH = list(FACES)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Faces of two actors; no network and no weights."""
    monkeypatch.setenv(assets.CACHE, str(tmp_path / "cache"))
    monkeypatch.setenv(assets.ORIGIN, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("avemo.engine.count_cores", lambda: 1)
    project = Project(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    keep(project, CLIPS)
    return project


def run(project: Project, **extractors: dict[str, int] | None) -> None:
    """Run the stage; a change of the settings, None leaves an extractor out."""
    from avemo.config import load_settings

    file = project.root / "params.yaml"
    params = yaml.safe_load(file.read_text(encoding="utf-8"))
    params["extractors"] |= {"openface": None} | extractors
    params["extractors"] = {k: v for k, v in params["extractors"].items() if v is not None}
    file.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    stage.main(project, load_settings(project.root))


def folders(project: Project) -> list[str]:
    return sorted(folder.name for folder in project.features("visual", "").iterdir())


def test_crops_are_the_faces_made_small() -> None:
    clip = draw_faces(4)
    arrays = Crops(crops.Settings(side_px=48, frames=6)).extract(clip)["crops"]
    np.testing.assert_array_equal(arrays, faces.decode_crops(clip, 48))
    assert (arrays.dtype, arrays.shape) == (np.dtype(np.uint8), (4, 48, 48, 3))


@pytest.mark.parametrize(("frames", "picks"), [(1, [2]), (2, [1, 3]), (4, [0, 1, 3, 4])])
def test_crops_of_a_part_are_spread_over_all(frames: int, picks: list[int]) -> None:
    clip = draw_faces(5)
    arrays = Crops(crops.Settings(side_px=32, frames=frames)).extract(clip)["crops"]
    np.testing.assert_array_equal(arrays, faces.decode_crops(clip, 32)[picks])


def test_rows_of_one_store_are_the_sources_of_another(project: Project) -> None:
    sources = store.list_sources(project.faces).set_index("performance")
    assert sorted(sources.index) == sorted(WITH)
    table = store.read(project.faces).set_index("performance")
    for name in WITH:
        assert sources["actor"][name] == name[-2:]
        assert sources["sha256"][name] == table["key"][name]
        arrays = store.load_row(sources["file"][name])
        assert set(arrays) == set(faces.ARRAYS)
        for key, array in FACES[name].items():
            np.testing.assert_array_equal(arrays[key], array)


def test_no_faces_are_no_sources(tmp_path: Path) -> None:
    assert store.list_sources(tmp_path).empty


def test_the_stage_without_weights(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    (project.features("visual", "backbone")).mkdir(parents=True)
    run(project)
    lines = caplog.messages
    assert lines[0].startswith("expression: left out: mobilenet_7.h5 is missing")
    assert "dvc repro --force --single-item visual-features" in lines[0]
    assert lines[1:] == [
        "geometry: 3 performances computed, 0 kept",
        "crops: 3 performances computed, 0 kept",
    ]
    assert folders(project) == ["crops", "geometry"]
    arrays = store.load_arrays(project.features("visual", "crops"), "crops")
    assert {name: len(clip) for name, clip in arrays.items()} == dict(
        zip(WITH, (3, 5, 1), strict=True)
    )


def test_without_faces_no_weights_are_fetched(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    keep(project, dict.fromkeys(CLIPS, MediaError("no-face", "nobody")), NEWER)
    run(project)
    assert caplog.messages == [
        "geometry: 0 performances computed, 0 kept",
        "crops: 0 performances computed, 0 kept",
    ]


@pytest.mark.slow
def test_each_is_computed_once(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    fewer = {name: clip for name, clip in CLIPS.items() if name != WITH[1]}
    run(project, expression=None)
    run(project)
    run(project, crops={"side_px": 32, "frames": 6}, geometry=None)
    keep(project, CLIPS | {WITH[0]: draw_faces(2, 9)}, NEWER)
    run(project)
    keep(project, fewer, NEWER)
    run(project)
    messages = [line for line in caplog.messages if not line.startswith("exp")]
    assert messages == [
        "geometry: 3 performances computed, 0 kept",
        "crops: 3 performances computed, 0 kept",
        "geometry: 0 performances computed, 3 kept",
        "crops: 0 performances computed, 3 kept",
        "crops: 3 performances computed, 0 kept",
        "crops: 3 performances computed, 0 kept",
        "crops: 0 performances computed, 2 kept",
    ]
    assert store.count_rows(project.features("visual", "crops")) == 2


@pytest.mark.slow
def test_with_weights_features_say_what_they_were_made_from(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = expression_file()
    monkeypatch.setattr(assets, "get", lambda name, quiet=False: file)
    run(project, crops=None, geometry=None)
    folder = project.features("visual", "expression")
    arrays = store.load_arrays(folder, "expression_probabilities")
    assert {name: clip.shape for name, clip in arrays.items()} == dict(
        zip(WITH, ((3, 7), (5, 7), (1, 7)), strict=True)
    )
    spec = store.read_spec(folder)
    assert spec is not None
    assert spec.derived_from == SPEC
    graph = pretrained_graphs.get("hsemotion_mobilenet_7", file)
    assert spec.resources == {"hsemotion_mobilenet_7": graph.name}
    assert set(spec.settings) == {"trim_ratio"}


@pytest.mark.slow
def test_weights_that_are_no_network_leave_it_out(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    file = project.root / "mobilenet_7.h5"
    file.write_text("<html>sign in</html>")
    monkeypatch.setattr(assets, "get", lambda name, quiet=False: file)
    run(project)
    assert any(message.startswith("expression: left out: ") for message in caplog.messages)
    assert folders(project) == ["crops", "geometry"]


def test_a_machine_without_the_weights_fetches_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    used: list[dict[str, Path]] = []

    def extract(self: Expression, faces: Arrays) -> Arrays:
        used.append(self.weights)
        return {}

    monkeypatch.setattr(Expression, "extract", extract)
    monkeypatch.setattr(store, "load_row", lambda row: {})
    monkeypatch.setattr(assets, "get", lambda name, quiet=False: tmp_path / "own")
    monkeypatch.setattr(pretrained_graphs, "get", lambda name, file: file)
    local = tmp_path / "local"
    local.touch()
    for file in (local, tmp_path / "elsewhere"):
        weights = {"hsemotion_mobilenet_7": file}
        extractor = Expression(expression.Settings(trim_ratio=0), weights)
        extraction = Extraction(extract_visual_row, {"expression": extractor})
        extraction(store.RowRef(tmp_path, "a"), ["expression"])
    assert [weights["hsemotion_mobilenet_7"] for weights in used] == [local, tmp_path / "own"]
