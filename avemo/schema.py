"""Base classes for settings and for the records that stages leave for each other."""

import json
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import AvemoError
from .io import atomic_write

__all__ = ["Record", "Strict", "Value", "read_fields"]


class Strict(BaseModel):
    """Base class for settings: unknown keys are refused, and text is never read as a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Value(BaseModel):
    """Base class for the parts of records."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Record(BaseModel):
    """Base class for what a stage leaves for another: written and read by the same class.

    The file names the class and its version, so that a file of another version is refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: raised when a field changes its name or its meaning
    VERSION: ClassVar[int] = 1

    def write(self, file: Path) -> None:
        """Write the record as JSON; the file appears whole or not at all."""
        header = {"record": type(self).__name__, "version": self.VERSION}
        fields = header | self.model_dump(mode="json")
        with atomic_write(file) as beside:
            beside.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            AvemoError: the file is missing, is damaged, or holds another record or version
        """
        return cls.parse(read_fields(file), file)

    @classmethod
    def parse(cls, fields: dict[str, object], source: Path | str) -> Self:
        """Return the record that JSON fields hold.

        Args:
            fields: what a file of this record holds
            source: where they come from, for the message

        Raises:
            AvemoError: they are of another record or version
        """
        own = {name: value for name, value in fields.items() if name not in ("record", "version")}
        header = (fields.get("record"), fields.get("version"))
        if header != (cls.__name__, cls.VERSION):
            raise AvemoError(
                f"{source} holds {header[0] or 'no record'} version {header[1]}, "
                f"{cls.__name__} version {cls.VERSION} is expected: run dvc repro to make it anew"
            )
        try:
            return cls.model_validate(own)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            raise AvemoError(
                f"{source}: {key}: {first['msg']}: run dvc repro to make it anew"
            ) from None


def read_fields(file: Path) -> dict[str, object]:
    """Return the fields of a JSON file.

    Raises:
        AvemoError: the file is missing, or holds no JSON object
    """
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AvemoError(f"there is no {file}: run dvc repro to make it") from None
    except ValueError as error:
        raise AvemoError(f"{file} holds no JSON ({error}): run dvc repro to make it anew") from None
    if not isinstance(fields, dict):
        raise AvemoError(f"{file} holds no record: run dvc repro to make it anew")
    return fields
