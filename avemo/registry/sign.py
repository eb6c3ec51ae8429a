"""A registered version is signed, with its provenance and its bill of materials.

The three files are stored among the version's files, the signature last; then the tags say so. An
interrupted signing leaves a version that is not signed, and no harm.
"""

import hashlib
import re
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AvemoError
from ..evaluation.bootstrap import Bootstrap
from ..git import run_git
from ..paths import Project
from ..settings import Settings
from ..tracking import integrity
from ..tracking.integrity import (
    BOM_FILE,
    CHECKSUMS_TAG,
    PROVENANCE_FILE,
    SIGNATURE_TAG,
    compute_sha256,
    logged_model_id,
    open_verified,
    require_version,
)
from ..tracking.keys import PrivateKey, PublicKey, read_private_key
from ..tracking.signature import (
    SIGNER_TAG,
    find_signature_problem,
    require_signature,
    sign_files,
)
from .aliases import parse_model_name
from .bom import write_bom
from .provenance import write_provenance
from .version import read_lineage

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

__all__ = ["SignedVersion", "sign_version", "verify_version", "version_uri"]

_NEEDED = ("in_toto_attestation", "jsonschema", "referencing")
_VERSION = re.compile(r"(models:/)?(?P<model>[^/@]+)(?P<which>@.+|/\d+)")


@dataclass(frozen=True)
class SignedVersion:
    """What was signed.

    Args:
        name: of the registered model
        number: of the version
        fingerprint: of the key
        files: that were stored
    """

    name: str
    number: str
    fingerprint: str
    files: list[str]


def sign_version(project: Project, settings: Settings, model: str, key_file: Path) -> SignedVersion:
    """Sign the files of a version, after a check that they are as they were registered.

    Args:
        project: whose repository has the version's commit
        settings: with the bootstrap of the figures
        model: see `version_uri`
        key_file: the private key

    Raises:
        AvemoError: the key cannot be used, there is no such version, or its files were changed
    """
    _require_packages()
    uri, key = version_uri(model), read_private_key(key_file)
    version = require_version(uri)
    if CHECKSUMS_TAG not in version.tags:
        raise AvemoError(f"{uri} was registered without checksums: register it again, then sign it")
    pinned = f"models:/{version.name}/{version.version}"
    with open_verified(pinned) as folder:
        files = _write_documents(project, settings, version, folder)
        files.append(sign_files(folder, f"{version.name}-{version.version}", key))
        digest = compute_sha256(files[-1])
        _store(version, files, digest, key)
    with open_verified(pinned) as folder:
        require_signature(folder, key.public, f"{version.name} version {version.version}")
    names = [file.name for file in files]
    return SignedVersion(version.name, str(version.version), key.public.fingerprint, names)


def verify_version(version: "ModelVersion", key: PublicKey | None) -> list[str]:
    """Return in words what of a version is not as it was registered and signed.

    Args:
        version: MLflow's
        key: that must have signed it; None where its checksums are enough
    """
    damage = integrity.verify_version(version)
    if key is None or CHECKSUMS_TAG not in version.tags:
        return damage

    uri = f"models:/{version.name}/{version.version}"
    with tempfile.TemporaryDirectory() as temporary:
        folder = integrity.download_files(uri, Path(temporary))
        return damage + list(filter(None, [find_signature_problem(folder, key)]))


def version_uri(model: str) -> str:
    """Return the URI of `avemo-audio@champion`, `audio/3` or `models:/avemo-audio/3`.

    Raises:
        AvemoError: it names no version
    """
    match = _VERSION.fullmatch(model)
    if not match:
        raise AvemoError(
            f"{model!r} names no version: avemo-audio@champion or avemo-audio/3 is expected"
        )
    return f"models:/{parse_model_name(match['model'])}{match['which']}"


def _require_packages() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise AvemoError(
            f"{', '.join(missing)}: not installed, and signing takes it: "
            "pip install 'avemo[signing]'"
        )


def _write_documents(
    project: Project, settings: Settings, version: "ModelVersion", folder: Path
) -> list[Path]:
    """Write provenance and bill of materials among a version's files; none without lineage."""
    lineage = read_lineage(folder)
    provenance, bom = folder / PROVENANCE_FILE, folder / BOM_FILE
    if lineage is None:
        return []
    write_provenance(folder, provenance, _environment_digest(project, lineage.commit))
    write_bom(
        folder,
        bom,
        name=version.name,
        version=str(version.version),
        bootstrap=Bootstrap.from_settings(settings),
    )
    return [provenance, bom]


def _environment_digest(project: Project, commit: str) -> str:
    """Return the SHA-256 of requirements.lock at a commit; empty where this clone has none."""
    if not commit:
        return ""
    shown = run_git(project.root, "show", f"{commit}:./requirements.lock")
    return "" if shown.returncode else hashlib.sha256(shown.stdout).hexdigest()


def _store(version: "ModelVersion", files: list[Path], digest: str, key: PrivateKey) -> None:
    import mlflow

    client = mlflow.MlflowClient()
    model_id = logged_model_id(version)
    for file in files:
        client.log_model_artifact(model_id, str(file))
    tags = {SIGNATURE_TAG: digest, SIGNER_TAG: key.public.fingerprint}
    for name, value in tags.items():
        client.set_model_version_tag(version.name, version.version, name, value)
