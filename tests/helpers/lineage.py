"""A complete lineage, of which a test names the fields that matter."""

from avemo.tracking.dvc_lock import StageFiles
from avemo.tracking.lineage import Lineage
from avemo.tracking.machine import Machine

DEFAULTS = {
    "run_id": "r1",
    "run_name": "train cnn",
    "time": "2025-01-01T00:00:00+00:00",
    "stage": "train@audio",
    "commit": "0123abc",
    "dirty": False,
    "diff": "",
    "split_id": "s1",
    "protocol": "actor",
    "data": {"data/split.csv": "1"},
    "upstream": {"split": StageFiles(deps={}, outs={"data/split.csv": "1"})},
    "recordings": {"a.wav": "0", "b.wav": "1"},
    "settings": {"seed": 20},
    "seed": 20,
    "extractors": {},
    "assets": {},
    "packages": {"numpy": "2"},
}


def new_lineage(**fields: object) -> Lineage:
    """Return a lineage with these fields."""
    return Lineage.model_validate(DEFAULTS | {"machine": Machine.current()} | fields)
