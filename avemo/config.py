"""Read params.yaml.

A wrong key, type or value stops every command with one line that names it.
"""

from pathlib import Path

import yaml
from pydantic import ValidationError, create_model

from .errors import SettingsError
from .features.names import extractor_names
from .features.registry import extractor_class
from .modalities import UNIMODAL
from .paths import SETTINGS_FILE
from .schema import Strict
from .settings import Settings

__all__ = ["load_settings", "parse_settings"]

#: by extractor of altered copies, that of the recordings themselves: it repeats its settings
_COPIES_OF = {
    "whisper_speeds": "whisper",
    "whisper_copies": "whisper",
    "whisper_base_speeds": "whisper_base",
    "whisper_base_copies": "whisper_base",
}


def load_settings(root: Path) -> Settings:
    """Read and check params.yaml.

    Args:
        root: the project's folder

    Raises:
        SettingsError: the file is missing, is no YAML, or a key, type or value is wrong
    """
    file = root / SETTINGS_FILE
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise SettingsError(
            f"there is no {file}: run avemo inside a checkout of the project"
        ) from None
    return parse_settings(content)


def parse_settings(content: bytes) -> Settings:
    """Check the content of params.yaml.

    Raises:
        SettingsError: it is no YAML, or a key, type or value is wrong
    """
    fields = _parse_yaml(content)
    try:
        if isinstance(fields, dict) and isinstance(fields.get("extractors"), dict):
            fields["extractors"] = _parse_extractors(fields["extractors"])
        return Settings.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        parents = ("extractors",) if error.title == "extractors" else ()
        key = ".".join(str(part) for part in (*parents, *first["loc"]))
        got = "" if first["type"] in ("missing", "value_error") else f", got {first['input']!r}"
        message = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{SETTINGS_FILE}: {key or 'all of it'}: {message}{got}") from None
    except ValueError as error:
        raise SettingsError(f"{SETTINGS_FILE}: extractors: {error}") from None


def _parse_yaml(content: bytes) -> object:
    try:
        return yaml.safe_load(content.decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = " ".join(str(getattr(error, "problem", error)).split())
        raise SettingsError(f"{SETTINGS_FILE}{line}: no YAML ({problem})") from None


def _parse_extractors(fields: dict[str, object]) -> dict[str, Strict]:
    """Return the settings of each extractor, as its module declares them."""
    known = [name for modality in UNIMODAL for name in extractor_names(modality)]
    for name in fields:
        if name not in known:
            raise ValueError(f"{name!r} is unknown; extractors takes {', '.join(known)}")
    types = {name: (extractor_class(name).settings_class, ...) for name in fields}
    extractors = create_model("extractors", __base__=Strict, **types)  # type: ignore[call-overload]
    settings: dict[str, Strict] = dict(extractors.model_validate(fields))
    for copies, original in _COPIES_OF.items():
        if copies in settings:
            _require_same_settings(copies, original, settings)
    return settings


def _require_same_settings(copies: str, original: str, settings: dict[str, Strict]) -> None:
    """Refuse altered copies that are not heard as the recordings are."""
    if original not in settings:
        raise ValueError(f"{copies} needs {original}, which is missing: add it, or remove {copies}")
    for key, value in settings[original]:
        if (own := getattr(settings[copies], key)) != value:
            raise ValueError(
                f"{copies}.{key} is {own}, {original}'s is {value}: make them the same"
            )
