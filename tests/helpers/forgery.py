"""What somebody does who may write to the registry and to its store, and has no key."""

import json
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import mlflow
from helpers.registered_versions import NAME, new_network

from avemo.runtime.graph import GRAPH_FILE
from avemo.tracking import integrity

__all__ = ["forge", "stored_files"]


def stored_files(number: str) -> Path:
    """Return the folder that a version's files are stored in."""
    version = mlflow.MlflowClient().get_model_version(NAME, number)
    location = mlflow.get_logged_model(integrity.logged_model_id(version)).artifact_location
    return Path(urlsplit(location).path)


def forge(number: str, emotion: str, *, signature_of: str = "") -> None:
    """Put other weights into a version, and change its checksums and its tag to match.

    Args:
        number: of the version
        emotion: that the other weights find in every sound
        signature_of: the version whose signature is put there, too; else the old one stays
    """
    folder = stored_files(number)
    (network,) = folder.rglob(GRAPH_FILE)
    network.write_bytes(new_network(emotion))
    checksums = integrity.compute_checksums(folder)
    file = folder / integrity.CHECKSUMS_FILE
    file.write_text(json.dumps(checksums, indent=1) + "\n")
    client = mlflow.MlflowClient()
    seal = integrity.compute_sha256(file)
    client.set_model_version_tag(NAME, number, integrity.CHECKSUMS_TAG, seal)
    if signature_of:
        signature = stored_files(signature_of) / integrity.SIGNATURE_FILE
        shutil.copyfile(signature, folder / integrity.SIGNATURE_FILE)
        digest = integrity.compute_sha256(signature)
        client.set_model_version_tag(NAME, number, integrity.SIGNATURE_TAG, digest)
