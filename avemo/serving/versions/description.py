"""What the service says of the version that answers."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import AvemoError
from ...tracking.lookup import Version, version_label
from ..notice import NOTICE
from ..uses import FORBIDDEN_USES, INTENDED_USES

__all__ = ["Description", "describe"]

_BUNDLE = "bundle.json"
_LINEAGE = "lineage.json"
_PREDICTIONS = "predictions.csv"


@dataclass(frozen=True)
class Description:
    """A registered version, as people and programs need to know it.

    Args:
        name: of the registered model
        version: its number
        alias: by which it is served
        run_id: of the run that trained it; empty where its files do not say
        modality: audio, visual or fused
        classes: the emotions
        synthetic: it was trained on the synthetic sample, so that its answers mean nothing
        card_markdown: its model card
        card_html: the same as a page
        licences: of the pretrained weights inside
        corpus_licences: by corpus, of the recordings that it was trained on
        figures: on the test part
        other_corpora: by corpus, how it does on people of that corpus, in a sentence
        abstention: when it is not sure; None where it was registered without
        window_s: the default length of a timeline's window; None until it is loaded
        hop_s: from one window to the next
    """

    name: str
    version: str
    alias: str
    run_id: str
    modality: str
    classes: tuple[str, ...]
    synthetic: bool
    card_markdown: str
    card_html: str
    licences: str
    corpus_licences: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    other_corpora: Mapping[str, str] = field(default_factory=dict)
    abstention: Mapping[str, object] | None = None
    window_s: float | None = None
    hop_s: float | None = None

    @property
    def label(self) -> str:
        """`avemo-fused version 3`."""
        return version_label(self.name, self.version)

    def to_dict(self, *, since: str, purpose: str) -> dict[str, object]:
        """Return the answer of `/v1/model`.

        Args:
            since: when it began to answer, in UTC, ISO 8601
            purpose: what the answers of this service are for
        """
        return {
            "name": self.name,
            "version": self.version,
            "alias": self.alias,
            "run_id": self.run_id,
            "since": since,
            "modality": self.modality,
            "classes": list(self.classes),
            "synthetic": self.synthetic,
            "card": f"/v1/registry/versions/{self.version}/card",
            "card_html": self.card_html,
            "card_markdown": self.card_markdown,
            "licences": self.licences,
            "corpus_licences": dict(self.corpus_licences),
            "uses": {"intended": list(INTENDED_USES), "forbidden": list(FORBIDDEN_USES)},
            "notice": NOTICE,
            "purpose": purpose,
            "abstention": self.abstention,
            "figures": dict(self.figures),
            "other_corpora": dict(self.other_corpora),
            "window_s": self.window_s,
            "hop_s": self.hop_s,
        }


def describe(version: Version, alias: str, folder: Path) -> Description:
    """Return what a version's own files and tags say of it.

    Args:
        version: in the registry
        alias: by which it is served
        folder: with its files

    Raises:
        AvemoError: its files lack what says what it is
    """
    bundle = _read_json(folder, _BUNDLE)
    if not bundle:
        raise AvemoError(f"its files hold no {_BUNDLE}")
    lineage = _read_json(folder, _LINEAGE)
    return Description(
        name=version.name,
        version=version.number,
        alias=alias,
        run_id=str(lineage.get("run_id", "")),
        modality=str(bundle["modality"]),
        classes=tuple(bundle["classes"]),
        synthetic=version.synthetic,
        card_markdown=_read_text(folder / "model_card.md"),
        card_html=_read_text(folder / "model_card.html"),
        licences=version.tags.get("avemo.weights", ""),
        corpus_licences=lineage.get("licences", {}),
        figures=_figures(folder),
        other_corpora=version.other_corpora,
        abstention=bundle.get("abstention"),
    )


def _read_json(folder: Path, name: str) -> dict[str, Any]:
    file = next(folder.rglob(name), None)
    fields: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file else {}
    return fields


def _read_text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _figures(folder: Path) -> dict[str, float]:
    """Return accuracy and recalls on the test part; nothing where it has no predictions."""
    file = next(folder.rglob(_PREDICTIONS), None)
    if file is None:
        return {}
    hits: dict[str, list[bool]] = defaultdict(list)
    with file.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            probabilities = {
                name[2:]: float(value) for name, value in row.items() if name.startswith("p_")
            }
            hits[row["true"]].append(
                max(probabilities, key=probabilities.__getitem__) == row["true"]
            )
    if not hits:
        return {}
    recalls = {emotion: sum(right) / len(right) for emotion, right in sorted(hits.items())}
    count = sum(map(len, hits.values()))
    return {
        "performances": float(count),
        "uar": sum(recalls.values()) / len(recalls),
        "accuracy": sum(map(sum, hits.values())) / count,
        **{f"recall_{name}": recall for name, recall in recalls.items()},
    }
