"""Whether a candidate may become the champion, and why."""

import json
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import page
from ..errors import AvemoError
from ..modalities import MODALITIES
from ..paths import Project
from ..quiet import import_tensorflow_quietly
from ..settings import Settings
from ..tracking import integrity
from . import latency, rules
from . import version as facts
from .register import CANDIDATE, CHAMPION, name_of

__all__ = ["Check", "aliases", "candidates", "check", "named", "names"]

_TAG = "avemo.check"


@dataclass(frozen=True)
class Check:
    """A candidate that was held against the champion.

    Args:
        name: of the registered model
        version: the candidate's
        champion: the champion's; empty where there is none, or the candidate is it
        synthetic: the candidate was trained on the synthetic sample
        time: in UTC, ISO 8601
        rows: the rules
    """

    name: str
    version: str
    champion: str
    synthetic: bool
    time: str
    rows: list[rules.Row]

    @property
    def refused(self) -> list[str]:
        """The rules that it does not keep."""
        return [row.rule for row in self.rows if row.verdict == rules.FAIL]

    @property
    def result(self) -> str:
        """`passed`, or what it was refused for."""
        return f"refused: {', '.join(self.refused)}" if self.refused else "passed"


def named(model: str) -> str:
    """The registered model that `audio` or `avemo-audio` means.

    Raises:
        AvemoError: it means none
    """
    name = model if model.startswith("avemo-") else name_of(model)
    if name not in map(name_of, MODALITIES):
        raise AvemoError(f"there is no model {model!r}: {', '.join(MODALITIES)} are expected")
    return name


def names(model: str | None) -> list[str]:
    """The one that is meant, or all.

    Raises:
        AvemoError: none is meant
    """
    return [named(model)] if model else list(map(name_of, MODALITIES))


def candidates(model: str | None) -> list[str]:
    """The registered models that have a candidate: the one that is meant, or all.

    Raises:
        AvemoError: there is none
    """
    wanted = names(model)
    found = [name for name in wanted if CANDIDATE in aliases(name)]
    if not found:
        import mlflow

        raise AvemoError(
            f"no candidate of {' or '.join(wanted)} at {mlflow.get_tracking_uri()}: "
            "`dvc repro` registers one, `avemo status` lists what is there"
        )
    return found


def aliases(name: str) -> dict[str, str]:
    """The version behind each alias; empty where there is no such model."""
    import mlflow
    from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

    try:
        found = mlflow.MlflowClient().get_registered_model(name).aliases
    except mlflow.MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return {}
        raise
    return {alias: str(number) for alias, number in found.items()}


def check(project: Project, settings: Settings, name: str) -> Check:
    """Hold the candidate against the champion; the version keeps how that ended.

    As its tags `avemo.check`, `avemo.check.time` and `avemo.check.champion`, and as `check.json`
    and `check.md` beside its files.

    Args:
        name: of a registered model that has a candidate

    Raises:
        AvemoError: a file of one of them is not as it was registered
    """
    import mlflow

    client = mlflow.MlflowClient()
    known = aliases(name)
    own, other = known[CANDIDATE], known.get(CHAMPION, "")
    other = "" if other == own else other
    candidate = facts.read(client.get_model_version(name, own))
    champion, damage = None, ""
    if other:
        try:
            champion = facts.read(client.get_model_version(name, other))
        except AvemoError as error:  # a good candidate may take its place, by force
            damage = str(error)
    seconds = _seconds(project, name, candidate, champion) if champion else None
    rows = rules.judge(settings, candidate, champion, seconds)
    rows.append(_files(candidate.version, damage))
    time = datetime.now(UTC).isoformat(timespec="seconds")
    found = Check(name, own, other, candidate.synthetic, time, rows)
    _keep(client, candidate.version, found)
    return found


def _against(found: Check) -> str:
    return f"against version {found.champion}" if found.champion else "without another champion"


def _seconds(
    project: Project, name: str, candidate: facts.Facts, champion: facts.Facts
) -> tuple[float, float]:
    import_tensorflow_quietly()
    modality, folders = name.removeprefix("avemo-"), [candidate.folder, champion.folder]
    first, second = latency.seconds(project, modality, folders)
    return first, second


def _files(candidate: Any, damage: str) -> rules.Row:
    """The candidate's are as they were, or they would not have been opened."""
    sealed = integrity.TAG in candidate.tags
    own = "as registered" if sealed else "without checksums"
    verdict = rules.PASS if sealed and not damage else rules.FAIL
    return rules.Row("files", own, damage, "as registered", verdict)


def _keep(client: Any, version: Any, found: Check) -> None:
    for key, value in (
        (_TAG, found.result),
        (f"{_TAG}.time", found.time),
        (f"{_TAG}.champion", found.champion or "none"),
    ):
        client.set_model_version_tag(found.name, found.version, key, value)
    with tempfile.TemporaryDirectory() as temporary:
        for file, content in (
            ("check.json", json.dumps(asdict(found) | {"result": found.result}, indent=1) + "\n"),
            ("check.md", _page(found)),
        ):
            Path(temporary, file).write_text(content, encoding="utf-8")
            client.log_model_artifact(integrity.model_id(version), str(Path(temporary, file)))


def _page(found: Check) -> str:
    loud = "**Synthetic sample: no statement about accuracy.**\n\n" if found.synthetic else ""
    rows = [[page.plain(cell) for cell in asdict(row).values()] for row in found.rows]
    table = page.table(["rule", "candidate", "champion", "limit", "verdict"], rows)
    head = f"# {found.name} version {found.version}, {_against(found)}: {found.result}"
    return f"{head}\n\n{loud}{table}\n\n{found.time}\n"
