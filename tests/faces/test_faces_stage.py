"""The stage of faces."""

from pathlib import Path

import pandas as pd
import yaml

from avemo.config import load_settings
from avemo.features import store
from avemo.paths import Project
from pipelines import faces

ROOT = Path(__file__).parents[2]


def test_the_store_says_that_it_holds_faces(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.raw.mkdir(parents=True)
    (project.raw / "a.mp4").write_bytes(b"no film")
    row = {"recording": "02-a", "performance": "a", "path": "a.mp4", "actor": 1, "sha256": "0"}
    row |= {"modality": 2, "has_picture": True, "finding": ""}
    pd.DataFrame([row]).to_parquet(project.catalogue)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["catalogue"]["max_set_aside"] = 1.0
    params["faces"]["detector"] = "mtcnn"
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    faces.main(project, load_settings(tmp_path))
    assert store.read(project.faces)["finding"].tolist() == ["unreadable"]
    spec = store.read_spec(project.faces)
    assert spec is not None
    assert (spec.extractor, spec.resources) == ("faces", {"detector": "mtcnn"})
