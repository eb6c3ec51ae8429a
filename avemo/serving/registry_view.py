"""What the page about the registry shows, read by MLflow in a process of its own.

MLflow's import takes seconds and as much memory as the service; what it read is kept for a while.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..errors import AvemoError, last_line
from ..paths import find_project
from ..tracking import store
from ..tracking.lookup import CORPUS_TAG, run_with_mlflow
from .refusal import Refusal

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from ..registry.history import Move

__all__ = ["RegistryView"]

#: how long what was read is shown without another look
_FRESH_S = 30.0
_CARD, _CHECK = "model_card.html", "check.json"
_TAG_PREFIX = "avemo."
#: after it, in tags: how a version does on people of a corpus
_CORPORA = CORPUS_TAG.removeprefix(_TAG_PREFIX)


class RegistryView:
    """A registered model with its versions and the moves of its champion.

    Args:
        name: of the registered model
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = asyncio.Lock()
        self._content: dict[str, object] | None = None
        self._read_at = -_FRESH_S
        self._cards: dict[str, str] = {}

    def expire(self) -> None:
        """Read anew when somebody asks next: something has changed."""
        self._read_at = -_FRESH_S

    async def read(self) -> dict[str, object]:
        """Return what the registry holds, at most half a minute old.

        Where the registry is away, what was read last, with `stale` and the reason.

        Raises:
            Refusal: it is away, and was never read
        """
        async with self._lock:
            if time.monotonic() - self._read_at < _FRESH_S and self._content:
                return self._content
            try:
                output = await asyncio.to_thread(run_with_mlflow, __name__, "model", self._name)
            except AvemoError as error:
                if self._content is None:
                    raise Refusal(503, "registry", str(error), retry_after_s=30) from None
                return self._content | {"stale": True, "reason": str(error)}
            content: dict[str, object] = json.loads(last_line(output))
            self._content, self._read_at = content, time.monotonic()
            return content

    async def card(self, version: str) -> str:
        """Return a version's model card as a page.

        Raises:
            Refusal: it has none, or the registry is away
        """
        if version not in self._cards:
            try:
                output = await asyncio.to_thread(
                    run_with_mlflow, __name__, "card", self._name, version
                )
            except AvemoError as error:
                raise Refusal(404, "no-card", f"version {version} has no card: {error}") from None
            self._cards[version] = json.loads(last_line(output))
        return self._cards[version]


def _read_model(client: MlflowClient, name: str) -> dict[str, object]:
    from ..registry.aliases import CANDIDATE, CHAMPION, PREVIOUS

    moves = _read_moves(client, name)
    model = client.get_registered_model(name)
    aliases = {alias: str(number) for alias, number in model.aliases.items()}
    versions = client.search_model_versions(f"name = '{name}'")
    return {
        "name": name,
        "as_of": datetime.now(UTC).isoformat(timespec="seconds"),
        "stale": False,
        "aliases": aliases,
        "champion": aliases.get(CHAMPION),
        "candidate": aliases.get(CANDIDATE),
        "previous": aliases.get(PREVIOUS),
        "moves": [asdict(move) for move in moves],
        "versions": [
            _read_version(client, version, aliases)
            for version in sorted(versions, key=lambda version: -int(version.version))
        ],
    }


def _read_moves(client: MlflowClient, name: str) -> list[Move]:
    """Return the history; a move outside avemo is recorded, and judged where there is a project.

    Where the registry lets nobody write, it is shown all the same.
    """
    from mlflow import MlflowException

    from ..registry.history import parse_moves
    from ..registry.outside_moves import (
        find_outside_move,
        judge_outside_moves,
        record_outside_move,
    )

    root = Path.cwd()
    try:
        moves = record_outside_move(client, name, root)
    except (AvemoError, MlflowException):
        model = client.get_registered_model(name)
        moves = parse_moves(model.tags)
        return [*moves, *filter(None, [find_outside_move(moves, model.aliases, root)])]
    try:
        from ..config import load_settings

        project = find_project()
        return judge_outside_moves(client, project, load_settings(project.root), name, moves)
    except (AvemoError, MlflowException, ImportError):  # no project here, or not all its packages
        return moves


def _read_version(
    client: MlflowClient, version: ModelVersion, aliases: Mapping[str, str]
) -> dict[str, object]:
    number = str(version.version)
    tags = {
        key.removeprefix(_TAG_PREFIX): value
        for key, value in version.tags.items()
        if key.startswith(_TAG_PREFIX)
    }
    created = datetime.fromtimestamp(version.creation_timestamp / 1000, UTC)
    return {
        "version": number,
        "created": created.isoformat(timespec="seconds"),
        "run_id": version.run_id,
        "aliases": sorted(alias for alias, named in aliases.items() if named == number),
        "architecture": tags.get("architecture", ""),
        "corpus": tags.get("corpus", ""),
        "synthetic": "synthetic" in tags.get("corpus", ""),
        "test": tags.get("test", ""),
        "commit": tags.get("commit", ""),
        "licences": tags.get("weights", ""),
        "sealed": "checksums" in tags,
        "other_corpora": {
            key.removeprefix(_CORPORA): value
            for key, value in tags.items()
            if key.startswith(_CORPORA)
        },
        "figures": _read_figures(client, version.run_id),
        "check": _read_check(version) if "check" in tags else None,
        "card": f"/v1/registry/versions/{number}/card",
    }


def _read_figures(client: MlflowClient, run_id: str | None) -> dict[str, float]:
    """Return the run's figures on the test part, without those of one modality of a fused model."""
    from mlflow import MlflowException

    if not run_id:
        return {}
    try:
        metrics = client.get_run(run_id).data.metrics
    except MlflowException:  # the run was deleted
        return {}
    names = (name for name in sorted(metrics) if name.startswith("test_"))
    return {name: metrics[name] for name in names if "_alone_" not in name}


def _read_check(version: ModelVersion) -> dict[str, object] | None:
    """Return the gate's table; None where it is gone."""
    text = _read_file(version, _CHECK)
    return json.loads(text) if text else None


def _read_file(version: ModelVersion, name: str) -> str:
    """Return one of a version's files; nothing where it has none of that name."""
    import mlflow

    with TemporaryDirectory() as temporary:
        uri = f"models:/{version.name}/{version.version}/{name}"
        try:
            file = mlflow.artifacts.download_artifacts(uri, dst_path=temporary)
            return Path(file).read_text(encoding="utf-8")
        except (mlflow.MlflowException, OSError):
            return ""


def _main(what: str, name: str, *version: str) -> None:
    store.quieten_mlflow()
    import mlflow

    client = mlflow.MlflowClient()
    try:
        content: object
        if what == "model":
            content = _read_model(client, name)
        else:
            content = _read_file(client.get_model_version(name, *version), _CARD)
            if not content:
                raise AvemoError("there is none among its files")
    except mlflow.MlflowException as error:
        raise AvemoError(str(error).splitlines()[0]) from None
    sys.stdout.write(f"\n{json.dumps(content)}\n")


if __name__ == "__main__":
    gc.disable()  # as in `tracking.lookup`
    try:
        _main(*sys.argv[1:])
    except AvemoError as error:
        sys.exit(str(error))
