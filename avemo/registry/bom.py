"""What a version consists of, as a bill of materials in CycloneDX 1.6: `bom.cdx.json`.

The model with its card, the pretrained weights with their licences, the data and the packages, from
`lineage.json`. It is checked against the specification's own schema, which lies in `schemas/`
(Apache-2.0, https://github.com/CycloneDX/specification, as cyclonedx-python-lib carries it).
"""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from ..errors import AvemoError
from ..evaluation import metrics
from ..evaluation.bootstrap import Bootstrap
from ..io import atomic_write
from ..records import BundleConfig
from ..tracking.integrity import CHECKSUMS_FILE, compute_sha256
from ..tracking.lineage import Lineage
from .version import read_bundle, read_lineage, recorded_predictions

__all__ = ["write_bom"]

_SCHEMAS = Path(__file__).parent / "schemas"
_SCHEMA = "bom-1.6.SNAPSHOT.schema.json"
_MODEL, _DATA = "model", "data"

Fields = dict[str, Any]


def write_bom(folder: Path, file: Path, *, name: str, version: str, bootstrap: Bootstrap) -> None:
    """Write the bill of materials of a version.

    Args:
        folder: with its files, and a lineage among them
        file: that is written
        name: of the registered model
        version: its number
        bootstrap: of the figures' intervals

    Raises:
        AvemoError: it does not pass the check
    """
    lineage = read_lineage(folder)
    assert lineage
    seal = compute_sha256(folder / CHECKSUMS_FILE)
    components = [*_pretrained(lineage), *_packages(lineage), _data(lineage)]
    references = [component["bom-ref"] for component in components]
    bom: Fields = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, f'avemo:{seal}')}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromisoformat(lineage.time).isoformat(),
            "component": {
                "type": "machine-learning-model",
                "bom-ref": _MODEL,
                "name": name,
                "version": version,
                "description": f"the SHA-256 is that of {CHECKSUMS_FILE}, which lists every file",
                "hashes": [{"alg": "SHA-256", "content": seal}],
                "modelCard": _model_card(folder, bootstrap),
            },
        },
        "components": components,
        "dependencies": [{"ref": _MODEL, "dependsOn": references}],
    }
    _check_schema(bom)
    with atomic_write(file) as temporary:
        temporary.write_text(json.dumps(bom, indent=1) + "\n", encoding="utf-8")


def _model_card(folder: Path, bootstrap: Bootstrap) -> Fields:
    bundle, predictions = read_bundle(folder), recorded_predictions(folder)
    card: Fields = {
        "modelParameters": {
            "approach": {"type": "supervised"},
            "task": "classification",
            "modelArchitecture": bundle.architecture,
            "datasets": [{"ref": _DATA}],
            "inputs": [{"format": _input_format(bundle)}],
            "outputs": [{"format": f"probabilities of {', '.join(bundle.classes)}"}],
        },
        "considerations": {
            "technicalLimitations": ["It names acted expressions, not what people feel."]
            + ["It was trained on the synthetic sample: its figures mean nothing."]
            * bundle.synthetic,
        },
    }
    if predictions is not None and not predictions.empty:
        figures = metrics.intervals(predictions, bootstrap)
        card["quantitativeAnalysis"] = {
            "performanceMetrics": [
                {"type": name, "value": f"{figure.value:.4f}", "slice": "test part"}
                | (
                    {
                        "confidenceInterval": {
                            "lowerBound": f"{figure.low:.4f}",
                            "upperBound": f"{figure.high:.4f}",
                        }
                    }
                    if figure.low is not None
                    else {}
                )
                for name, figure in figures.items()
            ]
        }
    return card


def _input_format(bundle: BundleConfig) -> str:
    return {"audio": "sound", "visual": "film", "fused": "film with sound"}[bundle.modality]


def _pretrained(lineage: Lineage) -> Iterable[Fields]:
    for name, file in lineage.assets.items():
        yield {
            "type": "machine-learning-model",
            "bom-ref": f"pretrained:{name}",
            "name": name,
            "supplier": {"name": file.source},
            "licenses": [{"license": {"name": file.licence}}],
        } | ({"hashes": [{"alg": "SHA-256", "content": file.sha256}]} if file.sha256 else {})


def _packages(lineage: Lineage) -> Iterable[Fields]:
    for name, version in lineage.packages.items():
        purl = f"pkg:pypi/{quote(name.replace('_', '-'))}@{quote(version)}"
        yield {
            "type": "library",
            "bom-ref": f"package:{name}",
            "name": name,
            "version": version,
            "purl": purl,
        }


def _data(lineage: Lineage) -> Fields:
    """Return the data that the training read, each path with its md5 as DVC has it."""
    return {
        "type": "data",
        "bom-ref": _DATA,
        "name": "data of the training",
        "version": lineage.split_id,
        "data": [{"type": "dataset", "name": path} for path in lineage.data],
        "properties": [
            {"name": f"dvc:md5:{path}", "value": md5} for path, md5 in lineage.data.items()
        ],
    }


def _check_schema(bom: Fields) -> None:
    from jsonschema import Draft7Validator
    from referencing import Registry, Resource

    schemas = {
        file.name: json.loads(file.read_text(encoding="utf-8"))
        for file in _SCHEMAS.glob("*.schema.json")
    }
    registry: Any = Registry().with_resources(
        (f"http://cyclonedx.org/schema/{name}", Resource.from_contents(schema))
        for name, schema in schemas.items()
    )
    errors = Draft7Validator(schemas[_SCHEMA], registry=registry).iter_errors(bom)
    if error := next(errors, None):
        raise AvemoError(
            f"the bill of materials does not pass CycloneDX's schema: {error.json_path}: "
            f"{error.message[:200]}"
        )
