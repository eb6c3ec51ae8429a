"""The licence of every corpus is named, whoever states it."""

from pathlib import Path

import pandas as pd
import pytest

from avemo.corpus.adapters.registry import ADAPTERS
from avemo.corpus.identity import list_identities
from avemo.corpus.licences import list_licences
from avemo.corpus.manifest_fetch import fetch_manifest
from avemo.settings import Labels

ROOT = Path(__file__).parents[2]
LABELS = Labels(classes=["sad", "happy"], corpora={})


@pytest.mark.parametrize("column", ["licence", "license"])
def test_a_manifest_s_own_licence_comes_first(tmp_path: Path, column: str) -> None:
    (tmp_path / "m.csv").write_text(
        f"path,speaker,emotion,corpus,{column}\n"
        "a.wav,1,sad,emodb,\nb.wav,2,sad,tess,CC0\nc.wav,3,happy,ours,in house\nd.wav,4,sad,,\n"
    )
    for name in "abcd":
        (tmp_path / f"{name}.wav").write_bytes(b"")
    fetch_manifest(tmp_path / "m.csv", tmp_path / "raw")
    rows = list_identities(tmp_path / "raw", LABELS)
    assert list_licences(rows, rows["corpus"]) == {
        "EmoDB": "not stated; ask the corpus's authors",
        "ours": "in house",
        "own": "not stated",
        "TESS": "CC0",
    }


def test_recordings_without_a_manifest() -> None:
    catalogue = pd.DataFrame({"corpus": ["ravdess"]})
    assert list_licences(catalogue, ["ravdess"]) == {"RAVDESS": "CC BY-NC-SA 4.0"}


def test_the_page_names_every_adapter_s_licence() -> None:
    page = (ROOT / "docs/howto/corpora.md").read_text()
    for name, adapter in ADAPTERS.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        assert row.endswith(f"| {adapter.licence} |")
