"""Whether a candidate may become the champion, and why."""

import json
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AvemoError
from ..modalities import MODALITIES
from ..paths import Project
from ..quiet import import_tensorflow_quietly
from ..settings import Settings
from ..templates import render
from ..tracking.integrity import CHECKSUMS_TAG, logged_model_id
from ..tracking.keys import PublicKey, find_required_key
from ..tracking.lookup import version_label
from ..tracking.signature import find_signature_problem, require_signature
from . import latency
from .aliases import CANDIDATE, CHAMPION, aliases_of, model_name
from .rules import OWNER_SIGNATURE, RuleResult, Verdict, apply_rules
from .version import OpenedVersion, open_version

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

__all__ = ["Check", "check_candidate", "judge_version"]

_TAG = "avemo.check"


@dataclass(frozen=True)
class Check:
    """A candidate, compared with the champion and with the limits.

    Args:
        name: of the registered model
        version: the candidate's
        champion: the champion's; empty where there is none, or the candidate is it
        synthetic: whether the candidate was trained on the synthetic sample
        time: in UTC, ISO 8601
        rules: the result of each
    """

    name: str
    version: str
    champion: str
    synthetic: bool
    time: str
    rules: list[RuleResult]

    @property
    def refused_rules(self) -> list[str]:
        """The rules that the candidate does not keep."""
        return [rule.rule for rule in self.rules if rule.verdict == "refused"]

    @property
    def result(self) -> str:
        """`passed`, or `refused: ` and the rules that it does not keep."""
        rules = self.refused_rules
        return f"refused: {', '.join(rules)}" if rules else "passed"


def check_candidate(
    project: Project, settings: Settings, name: str, *, require_key: PublicKey | None = None
) -> Check:
    """Compare the candidate with the champion and with the limits, and record the result.

    The version gets the tags `avemo.check`, `avemo.check.time` and `avemo.check.champion`, and
    `check.json` and `check.md` beside its files.

    Args:
        project: where the clips are that time is measured on
        settings: with the limits
        name: of a registered model that has a candidate
        require_key: that must have signed candidate and champion; no code of a version without its
            signature is run

    Raises:
        AvemoError: a file of the candidate is not as it was registered
    """
    import mlflow

    client = mlflow.MlflowClient()
    aliases = aliases_of(name)
    own, other = aliases[CANDIDATE], aliases.get(CHAMPION, "")
    other = "" if other == own else other
    candidate = open_version(client.get_model_version(name, own))
    champion, damage = _open_champion(client, name, other, require_key)
    signature = [_signature_rule(candidate, require_key)] if require_key else []
    signed = all(rule.verdict == "pass" for rule in signature)
    latencies_s = None
    if champion and signed and not candidate.bundle.imported_features:  # else it answers nothing
        latencies_s = _latencies(project, name, candidate, champion)
    rules = apply_rules(settings, candidate, champion, latencies_s)
    rules += [_files_rule(candidate.version, damage), *signature]
    time = datetime.now(UTC).isoformat(timespec="seconds")
    check = Check(name, own, other, candidate.synthetic, time, rules)
    _record_check(client, candidate.version, check)
    return check


def judge_version(project: Project, settings: Settings, name: str, number: str, former: str) -> str:
    """Return what the gate says of a version that became champion without it.

    No code of the version is run, so that the time of an answer is not measured.

    Args:
        project: with the key that `promotion.require_key` names, if any
        settings: with the limits
        name: of the registered model
        number: of the version
        former: the champion before; empty where there was none

    Returns:
        as `Check.result`
    """
    import mlflow

    client = mlflow.MlflowClient()
    key = find_required_key(None, settings.promotion.require_key, project.root)
    try:
        version = open_version(client.get_model_version(name, number))
    except (AvemoError, mlflow.MlflowException):
        return "refused: files"
    try:
        champion, damage = _open_champion(client, name, former, key)
    except mlflow.MlflowException:  # it was deleted
        champion, damage = None, ""
    rules = apply_rules(settings, version, champion, None)
    rules += [
        _files_rule(version.version, damage),
        *([_signature_rule(version, key)] if key else []),
    ]
    return Check(name, number, former, version.synthetic, "", rules).result


def _open_champion(
    client: "MlflowClient", name: str, number: str, require_key: PublicKey | None
) -> tuple[OpenedVersion | None, str]:
    """Open the champion; where it is damaged or not signed, return why, and nothing of it is run.

    A good candidate may take its place, by force.
    """
    if not number:
        return None, ""
    try:
        champion = open_version(client.get_model_version(name, number))
        if require_key:
            require_signature(champion.folder, require_key, version_label(name, number))
    except AvemoError as error:
        return None, str(error)
    return champion, ""


def _signature_rule(candidate: OpenedVersion, key: PublicKey) -> RuleResult:
    """Return the result of the rule that the owner of a key signed the candidate."""
    problem = find_signature_problem(candidate.folder, key)
    verdict: Verdict = "refused" if problem else "pass"
    return RuleResult(OWNER_SIGNATURE, problem or "signed", "", f"signed with {key}", verdict)


def _latencies(
    project: Project, name: str, candidate: OpenedVersion, champion: OpenedVersion
) -> tuple[float, float]:
    import_tensorflow_quietly()
    (modality,) = (modality for modality in MODALITIES if model_name(modality) == name)
    own, other = latency.measure(project, modality, [candidate.folder, champion.folder])
    return own, other


def _files_rule(candidate: "ModelVersion", damage: str) -> RuleResult:
    """Return the rule of the checksums; a candidate with changed files could not be opened."""
    sealed = CHECKSUMS_TAG in candidate.tags
    own = "as registered" if sealed else "without checksums"
    verdict: Verdict = "pass" if sealed and not damage else "refused"
    return RuleResult("files", own, damage, "as registered", verdict)


def _record_check(client: "MlflowClient", version: "ModelVersion", check: Check) -> None:
    for key, value in (
        (_TAG, check.result),
        (f"{_TAG}.time", check.time),
        (f"{_TAG}.champion", check.champion or "none"),
    ):
        _write_tag(client, check, key, value)
    fields = asdict(check) | {"result": check.result}
    with tempfile.TemporaryDirectory() as temporary:
        for file, content in (
            ("check.json", json.dumps(fields, indent=1) + "\n"),
            ("check.md", render("avemo.registry", "check.md.j2", check=check)),
        ):
            Path(temporary, file).write_text(content, encoding="utf-8")
            client.log_model_artifact(logged_model_id(version), str(Path(temporary, file)))


def _write_tag(client: "MlflowClient", check: Check, key: str, value: str) -> None:
    """Set a tag of the version; two checks at a time may both find it missing and create it."""
    from mlflow import MlflowException

    try:
        client.set_model_version_tag(check.name, check.version, key, value)
    except MlflowException:  # the other's is there now, so that this one replaces it
        client.set_model_version_tag(check.name, check.version, key, value)
