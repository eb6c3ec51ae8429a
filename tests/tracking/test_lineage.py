"""What a run says of its data is what dvc.lock says of the stage's dependencies."""

import pytest
import yaml

from avemo.paths import Project
from avemo.tracking import dvc_lock

PIPELINE = {
    "split": {"cmd": "split", "deps": ["data/catalogue.parquet"]},
    "search": {"foreach": ["audio"], "do": {"deps": ["data/split.csv", "features/${item}"]}},
}
STUDY = {
    "baselines": {
        "foreach": {"lstm": "features/audio/mfcc", "ml": "features/audio"},
        "do": {"deps": ["../avemo/${key}.py", "../data/catalogue.parquet", "../${item}"]},
    },
}
OUTS = (
    "data/catalogue.parquet",
    "data/split.csv",
    "features/audio",
    "features/audiobooks",
    "features/faces",
    "features/visual",
)


@pytest.mark.parametrize(
    ("stage", "names"),
    [
        ("split", ["data/catalogue.parquet"]),
        ("search@audio", ["data/split.csv", "features/audio"]),
        ("baselines@lstm", ["data/catalogue.parquet", "features/audio"]),
        ("baselines@ml", ["data/catalogue.parquet", "features/audio"]),
    ],
)
def test_data(tmp_path, stage, names):
    lock = {"stages": {"split": {"outs": [{"path": path, "md5": path[::-1]} for path in OUTS]}}}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": PIPELINE}))
    (tmp_path / "study").mkdir()
    (tmp_path / "study/dvc.yaml").write_text(yaml.safe_dump({"stages": STUDY}))
    assert dvc_lock.data(Project(tmp_path), stage) == {}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump(lock))
    assert dvc_lock.data(Project(tmp_path), stage) == {name: name[::-1] for name in names}
