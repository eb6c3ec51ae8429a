"""The worked examples of CONTRIBUTING.md, run as they stand there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePath

import pytest
import yaml

ROOT = Path(__file__).parents[1]

USE = """
import sys
from pathlib import Path
import numpy as np, yaml
from avemo.config import load_settings
from avemo.features.registry import extractor_class
from avemo.models.hypermodel import Architectures
from avemo.models.preprocessing import fit

settings = load_settings(Path(sys.argv[1]))
extractor = extractor_class("crossings")(settings.extractors["crossings"])
tone = np.sin(2 * np.pi * 200 * np.arange(16000) / 16000 + 0.1).astype("f")
crossings = extractor.extract(tone)["crossings"]
assert crossings.shape == (40, 1) and crossings.dtype == np.float32
assert abs(crossings.mean() - 400) < 10, crossings.mean()

preprocessor = fit([crossings])
networks = Architectures("audio", ["crossings_mean"], {"crossings": preprocessor}, {}, classes="ab")
network = networks.build_from({"architecture": "crossings_mean", "crossings_mean/width": 16})
probabilities = network.predict({"crossings": preprocessor.apply([crossings])}, verbose=0)
assert probabilities.shape == (1, 2) and abs(probabilities.sum() - 1) < 1e-5
print("both work")
"""


@pytest.fixture(scope="module")
def blocks() -> dict[str, str]:
    """The code under each path that CONTRIBUTING.md names."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^`([\w/.]+)`[^\n]*\n\n```\w+\n(.*?)```", text, re.M | re.S))


@pytest.mark.slow
def test_an_extractor_and_an_architecture(blocks: dict[str, str], tmp_path: Path) -> None:
    shutil.copytree(ROOT / "avemo", tmp_path / "avemo", ignore=shutil.ignore_patterns("*.pyc"))
    for path in ("avemo/features/audio/crossings.py", "avemo/models/audio/crossings_mean.py"):
        (tmp_path / path).write_text(blocks[path])
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    extractor, search = re.findall(r"```yaml\n(.*?)```", text, re.S)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["extractors"] |= yaml.safe_load(extractor)
    for key, (name, dots) in yaml.safe_load(search)["search"]["audio"].items():
        assert dots == "..."
        params["search"]["audio"][key].insert(0, name)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    command = [sys.executable, "-c", USE, str(tmp_path)]
    environment = {"PYTHONPATH": str(tmp_path), "PATH": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert ended.stdout == "both work\n"


def test_a_corpus(blocks: dict[str, str]) -> None:
    example: dict[str, object] = {
        "__name__": "avemo.corpus.adapters.emovo",
        "__package__": "avemo.corpus.adapters",
    }
    exec(blocks["avemo/corpus/adapters/emovo.py"], example)
    create = example["Emovo"]
    assert callable(create)
    paths = [
        PurePath(name) for name in ("F1/gio-f1-b1.wav", "M2/tri-m2-d2.wav", "M2/xxx-m2-d2.wav")
    ]
    listing = create().list_rows(Path("EMOVO"), paths)
    assert [(row.speaker, row.emotion, row.sex) for row in listing.rows] == [
        *(("f1", "happy", "female"), ("m2", "sad", "male"))
    ]
    assert [*listing.passed_over.values()] == [["M2/xxx-m2-d2.wav"]]
