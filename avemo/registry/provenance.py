"""What made a version, as SLSA provenance 1.0 in an in-toto statement: `provenance.intoto.json`.

It is written from `lineage.json`, and holds all that a rebuild takes: the commit, what was not
committed, the settings, dvc.lock with the checksums of the data, and the recorded predictions to
compare with. Nothing stands in it twice, so that nothing can disagree.

Formats: https://slsa.dev/spec/v1.0/provenance,
https://github.com/in-toto/attestation/blob/main/spec/v1/resource_descriptor.md.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from .. import __version__
from ..errors import AvemoError
from ..io import atomic_write
from ..tracking import dvc_lock
from ..tracking.git_state import DIFF
from ..tracking.integrity import CHECKSUMS_FILE
from ..tracking.lineage import Lineage, PretrainedFile
from .version import PREDICTIONS, read_bundle, read_lineage

__all__ = ["Provenance", "read_provenance", "write_provenance"]

_STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
_PREDICATE_TYPE: Final = "https://slsa.dev/provenance/v1"
_BUILD_TYPE: Final = "urn:avemo:train:1"
_BUILDER = "urn:avemo:own-machine"
#: the fields of a lineage that have a place of their own
_ELSEWHERE = {"commit", "diff", "settings", "data", "recordings", "assets", "packages"}
#: DVC's mark of a folder, after the checksum of its list
_FOLDER = ".dir"

_Kind = Literal["code", "file", "environment", "data", "recording", "pretrained", "package"]


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Resource(_Part):
    """in-toto's ResourceDescriptor.

    Args:
        name: of the resource
        uri: of a package, see https://github.com/package-url/purl-spec
        digest: by algorithm
        content: in base64
        annotations: `kind`, and what else tells one resource from another
    """

    name: str
    uri: str = ""
    digest: dict[str, str] = Field(default_factory=dict)
    content: str = ""
    annotations: dict[str, str] = Field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What part it has in the build."""
        return self.annotations.get("kind", "")


class _BuildDefinition(_Part):
    build_type: Literal["urn:avemo:train:1"]
    external_parameters: dict[str, Any]
    internal_parameters: dict[str, Any]
    resolved_dependencies: list[Resource]


class _Builder(_Part):
    id: str
    version: dict[str, str]


class _Metadata(_Part):
    invocation_id: str
    started_on: str


class _RunDetails(_Part):
    builder: _Builder
    metadata: _Metadata
    byproducts: list[Resource]


class _Predicate(_Part):
    build_definition: _BuildDefinition
    run_details: _RunDetails


class Provenance(_Part):
    """A statement about who made a version's files, and from what.

    Args:
        statement_type: in-toto's
        subject: the version's files
        predicate_type: SLSA's
        predicate: see https://slsa.dev/spec/v1.0/provenance
    """

    statement_type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: list[Resource]
    predicate_type: Literal["https://slsa.dev/provenance/v1"]
    predicate: _Predicate

    @property
    def untrained(self) -> bool:
        """Whether the version is the untrained prior, which nothing trained."""
        return bool(self._definition.internal_parameters.get("untrained"))

    @property
    def lineage(self) -> Lineage:
        """The lineage that it was written from.

        Raises:
            AvemoError: a part is missing
        """
        try:
            return self._read_lineage()
        except LookupError as error:
            raise AvemoError(f"the provenance holds no {error.args[0]}: it is damaged") from None

    def _read_lineage(self) -> Lineage:
        fields = self._definition.internal_parameters["lineage"]
        return Lineage.parse(
            fields
            | {
                "commit": "".join(item.digest["gitCommit"] for item in self._of("code")),
                "diff": "".join(
                    item.digest["sha256"] for item in self._of("file") if item.name == DIFF
                ),
                "settings": self._definition.external_parameters["params"],
                "data": self._md5("data"),
                "recordings": self._md5("recording"),
                "assets": {
                    item.name: PretrainedFile(
                        source=item.annotations["source"],
                        licence=item.annotations["licence"],
                        sha256=item.digest.get("sha256", ""),
                    )
                    for item in self._of("pretrained")
                },
                "packages": {
                    item.name: unquote(item.uri.rpartition("@")[2]) for item in self._of("package")
                },
            },
            "the provenance",
        )

    def write_files(self, folder: Path) -> None:
        """Write the files that it carries: dvc.lock, what was not committed, the predictions.

        Raises:
            AvemoError: a file is not as its checksum says
        """
        for item in [*self._of("file"), *self.predicate.run_details.byproducts]:
            try:
                content = base64.b64decode(item.content, validate=True)
            except ValueError:
                content = b""
            if hashlib.sha256(content).hexdigest() != item.digest.get("sha256"):
                raise AvemoError(f"the provenance is damaged: {item.name} has another checksum")
            if item.name not in (dvc_lock.LOCK, DIFF, PREDICTIONS):
                raise AvemoError(f"the provenance holds {item.name!r}, which no rebuild takes")
            (folder / item.name).write_bytes(content)

    @property
    def _definition(self) -> _BuildDefinition:
        return self.predicate.build_definition

    def _of(self, kind: _Kind) -> list[Resource]:
        return [item for item in self._definition.resolved_dependencies if item.kind == kind]

    def _md5(self, kind: _Kind) -> dict[str, str]:
        return {
            item.name: item.digest["md5"] + item.annotations.get("suffix", "")
            for item in self._of(kind)
        }

    @classmethod
    def of(cls, folder: Path, lineage: Lineage, environment: str) -> Self:
        """Return the provenance of a version.

        Args:
            folder: with its files
            lineage: of it
            environment: the SHA-256 of requirements.lock at its commit; empty where unknown
        """
        checksums = json.loads((folder / CHECKSUMS_FILE).read_text(encoding="utf-8"))
        bundle = read_bundle(folder)
        definition = _BuildDefinition(
            build_type=_BUILD_TYPE,
            external_parameters={"stage": lineage.stage, "params": lineage.settings},
            internal_parameters={
                "untrained": bundle.untrained,
                "lineage": {"record": Lineage.__name__, "version": Lineage.VERSION}
                | lineage.model_dump(mode="json", exclude=_ELSEWHERE),
            },
            resolved_dependencies=[*_dependencies(folder, lineage, environment)],
        )
        details = _RunDetails(
            builder=_Builder(id=_BUILDER, version={"avemo": __version__}),
            metadata=_Metadata(invocation_id=lineage.run_id, started_on=lineage.time),
            byproducts=[_carried(folder / PREDICTIONS, "predictions")]
            if (folder / PREDICTIONS).exists()
            else [],
        )
        return cls(
            _type=_STATEMENT_TYPE,
            subject=[
                Resource(name=name, digest={"sha256": digest}) for name, digest in checksums.items()
            ],
            predicate_type=_PREDICATE_TYPE,
            predicate=_Predicate(build_definition=definition, run_details=details),
        )


def write_provenance(folder: Path, file: Path, environment: str) -> None:
    """Write the provenance of a version, checked against in-toto's and SLSA's own types.

    Args:
        folder: with the version's files, and a lineage among them
        file: that is written
        environment: see `Provenance.of`

    Raises:
        AvemoError: it does not pass the check
    """
    lineage = read_lineage(folder)
    assert lineage
    statement = Provenance.of(folder, lineage, environment)
    fields = statement.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    _check_types(fields)
    with atomic_write(file) as temporary:
        temporary.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")


def read_provenance(file: Path) -> Provenance:
    """Read what `write_provenance` wrote.

    Raises:
        AvemoError: there is no such file, or it holds something else
    """
    expected = "the provenance.intoto.json of a signed version is expected"
    try:
        return Provenance.model_validate_json(file.read_bytes())
    except OSError as error:
        raise AvemoError(f"{file} cannot be read: {error.strerror}; {expected}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise AvemoError(f"{file} is no provenance: {where}: {first['msg']}; {expected}") from None


def _dependencies(folder: Path, lineage: Lineage, environment: str) -> Iterable[Resource]:
    """Yield everything that the version was made from."""
    if lineage.commit:
        yield Resource(
            name="code", digest={"gitCommit": lineage.commit}, annotations={"kind": "code"}
        )
    for name in (dvc_lock.LOCK, *([DIFF] * lineage.dirty)):
        if (folder / name).exists():
            yield _carried(folder / name, "file")
    if environment:
        digest = {"sha256": environment}
        annotations = {"kind": "environment"}
        yield Resource(name="requirements.lock", digest=digest, annotations=annotations)
    yield from _by_md5("data", lineage.data)
    yield from _by_md5("recording", lineage.recordings)
    for name, file in lineage.assets.items():
        yield Resource(
            name=name,
            digest={"sha256": file.sha256} if file.sha256 else {},
            annotations={"kind": "pretrained", "source": file.source, "licence": file.licence},
        )
    for name, version in lineage.packages.items():
        uri = f"pkg:pypi/{quote(name.replace('_', '-'))}@{quote(version)}"
        yield Resource(name=name, uri=uri, annotations={"kind": "package"})


def _by_md5(kind: _Kind, checksums: Mapping[str, str]) -> Iterable[Resource]:
    for name, md5 in checksums.items():
        annotations = {"kind": kind} | ({"suffix": _FOLDER} if md5.endswith(_FOLDER) else {})
        digest = {"md5": md5.removesuffix(_FOLDER)}
        yield Resource(name=name, digest=digest, annotations=annotations)


def _carried(file: Path, kind: str) -> Resource:
    """Return a file with its content."""
    content = file.read_bytes()
    return Resource(
        name=file.name,
        digest={"sha256": hashlib.sha256(content).hexdigest()},
        content=base64.b64encode(content).decode(),
        annotations={"kind": kind},
    )


def _check_types(fields: dict[str, Any]) -> None:
    """Refuse a statement that in-toto's and SLSA's protocol buffers do not know."""
    from google.protobuf import json_format
    from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance as Predicate
    from in_toto_attestation.v1.statement import Statement
    from in_toto_attestation.v1.statement_pb2 import Statement as Message

    try:
        Statement.copy_from_pb(json_format.ParseDict(fields, Message())).validate()
        json_format.ParseDict(fields["predicate"], Predicate())
    except (json_format.ParseError, ValueError) as error:
        raise AvemoError(f"the provenance does not pass the check of its types: {error}") from error
