"""A provenance holds all that a rebuild takes, and gives it back as it was, or not at all."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.bundles import bundle_config
from helpers.lineage import new_lineage
from helpers.registered_versions import new_project
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avemo.cli import main
from avemo.errors import AvemoError
from avemo.models.bundle import CONFIG_FILE
from avemo.registry.provenance import read_provenance, write_provenance
from avemo.tracking.dvc_lock import StageFiles
from avemo.tracking.integrity import compute_checksums
from avemo.tracking.lineage import Lineage, PretrainedFile

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIFF = b"diff --git a/a b/a\n\x00\xff"
FULL = {
    "commit": COMMIT,
    "dirty": True,
    "diff": hashlib.sha256(DIFF).hexdigest(),
    "data": {"data/split.csv": "0" * 32, "features/audio": "1" * 32 + ".dir"},
    "upstream": {"split": StageFiles(deps={"avemo/a.py": "2" * 32}, outs={"data/split.csv": "0"})},
    "assets": {
        "whisper": PretrainedFile(source="OpenAI", licence="MIT", sha256="3" * 64),
        "gone": PretrainedFile(source="somebody", licence="unknown", sha256=""),
    },
    "packages": {"numpy": "2.4.0", "torch_thing": "1.0+cpu", "odd": "1!2.0"},
    "settings": {"seed": 20, "corpus": {"labels": [], "none": None, "share": 0.1}},
}


def new_version(folder: Path, *, untrained: bool = False, **fields: object) -> Lineage:
    """Write a version's files, and return its lineage."""
    folder.mkdir(parents=True, exist_ok=True)
    lineage = new_lineage(**(FULL | fields))
    lineage.write(folder / "lineage.json")
    bundle_config(untrained=untrained).write(folder / CONFIG_FILE)
    (folder / "dvc.lock").write_text("schema: '2.0'\n")
    (folder / "uncommitted.diff").write_bytes(DIFF)
    (folder / "predictions.csv").write_text("performance,true\n")
    (folder / "checksums.json").write_text(json.dumps(compute_checksums(folder)))
    return lineage


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the provenance of a version with everything."""
    new_version(tmp_path / "version")
    created = tmp_path / "provenance.intoto.json"
    write_provenance(tmp_path / "version", created, "4" * 64)
    return created


def change(file: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    fields = json.loads(file.read_text())
    edit(fields["predicate"]["buildDefinition"])
    file.write_text(json.dumps(fields))


def test_what_went_in_comes_out(file: Path, tmp_path: Path) -> None:
    provenance = read_provenance(file)
    assert provenance.lineage == new_lineage(**FULL)
    (tmp_path / "out").mkdir()
    provenance.write_files(tmp_path / "out")
    for name in ("dvc.lock", "uncommitted.diff", "predictions.csv"):
        content = (tmp_path / "version" / name).read_bytes()
        assert (tmp_path / "out" / name).read_bytes() == content


def test_who_knows_slsa_finds_what_it_was_made_from(file: Path) -> None:
    fields = json.loads(file.read_text())
    assert fields["_type"] == "https://in-toto.io/Statement/v1"
    assert fields["predicateType"] == "https://slsa.dev/provenance/v1"
    subjects = {entry["name"]: entry["digest"]["sha256"] for entry in fields["subject"]}
    assert subjects["dvc.lock"] == hashlib.sha256(b"schema: '2.0'\n").hexdigest()
    definition = fields["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["params"]["seed"] == 20
    dependencies = {entry["name"]: entry for entry in definition["resolvedDependencies"]}
    assert dependencies["code"]["digest"] == {"gitCommit": COMMIT}
    assert dependencies["requirements.lock"]["digest"] == {"sha256": "4" * 64}
    assert dependencies["features/audio"]["digest"] == {"md5": "1" * 32}
    assert dependencies["torch_thing"]["uri"] == "pkg:pypi/torch-thing@1.0%2Bcpu"
    assert fields["predicate"]["runDetails"]["metadata"]["invocationId"] == "r1"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    params=st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=5),
        st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e9, 1e9) | st.text(),
    ),
    packages=st.dictionaries(
        st.from_regex("[a-z][a-z0-9_.-]{0,9}", fullmatch=True),
        st.from_regex("[0-9][0-9a-z.+!-]{0,9}", fullmatch=True),
    ),
    commit=st.sampled_from(["", COMMIT]),
)
@pytest.mark.slow
def test_any_lineage_comes_back(
    tmp_path: Path, params: dict[str, object], packages: dict[str, str], commit: str
) -> None:
    fields = {"settings": params, "packages": packages, "commit": commit}
    lineage = new_version(tmp_path / "version", **fields)  # type: ignore[arg-type]
    write_provenance(tmp_path / "version", tmp_path / "file", "")
    assert read_provenance(tmp_path / "file").lineage == lineage


def test_a_damaged_file_in_it_is_refused(file: Path, tmp_path: Path) -> None:
    def damage(definition: dict[str, Any]) -> None:
        (entry,) = (e for e in definition["resolvedDependencies"] if e["name"] == "dvc.lock")
        entry["content"] = base64.b64encode(b"stages: {}").decode()

    change(file, damage)
    with pytest.raises(AvemoError, match=r"is damaged: dvc\.lock has another checksum"):
        read_provenance(file).write_files(tmp_path)


def test_a_file_of_another_name_is_not_written(file: Path, tmp_path: Path) -> None:
    def rename(definition: dict[str, Any]) -> None:
        (entry,) = (e for e in definition["resolvedDependencies"] if e["name"] == "dvc.lock")
        entry["name"] = "../outside"

    change(file, rename)
    with pytest.raises(AvemoError, match=r"holds '\.\./outside', which no rebuild takes"):
        read_provenance(file).write_files(tmp_path / "version")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d.update(buildType="other"), r"buildDefinition\.buildType: Input should be"),
        (lambda d: d["externalParameters"].pop("params"), "holds no params"),
        (lambda d: d["internalParameters"].pop("lineage"), "holds no lineage"),
        (lambda d: d["internalParameters"]["lineage"].pop("stage"), "stage: Field required"),
        (lambda d: d.pop("resolvedDependencies"), "resolvedDependencies: Field required"),
        (lambda d: d["resolvedDependencies"][0].pop("digest"), "holds no gitCommit"),
    ],
)
def test_what_lacks_a_part_is_a_sentence(
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    edit: Callable[[dict[str, Any]], object],
    message: str,
) -> None:
    change(file, edit)
    with pytest.raises(AvemoError, match=message):
        assert read_provenance(file).lineage
    monkeypatch.setenv("AVEMO_ROOT", str(new_project(tmp_path / "project").root))
    capsys.readouterr()
    assert main(["rebuild", "--provenance", str(file)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory; the provenance.intoto.json of a"),
        (b"", "is no provenance: the file: Invalid JSON"),
        (b"\xff\x00", "is no provenance: the file: Invalid JSON"),
        (b"[]", "is no provenance: the file: Input should be"),
        (b"{}", "is no provenance: _type: Field required"),
    ],
)
def test_what_is_no_provenance_is_a_sentence(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(AvemoError, match=message):
        read_provenance(file)


def test_the_untrained_prior_is_not_rebuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    new_version(tmp_path / "version", untrained=True)
    write_provenance(tmp_path / "version", tmp_path / "file", "")
    monkeypatch.setenv("AVEMO_ROOT", str(new_project(tmp_path / "project").root))
    assert main(["rebuild", "--provenance", str(tmp_path / "file")]) == 1
    assert "is the untrained prior, which nothing trained" in capsys.readouterr().err


def test_one_of_uri_and_provenance_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rebuild"]) == 2
    assert main(["rebuild", "models:/avemo-audio/1", "--provenance", "file"]) == 2
