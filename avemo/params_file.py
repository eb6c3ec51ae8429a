"""Change single values in params.yaml, and leave every other byte, comments too, as it is."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from .errors import SettingsError
from .io import atomic_write

__all__ = ["replace_values", "write_text"]


def replace_values(text: str, values: Mapping[str, str | Sequence[str]]) -> str:
    """Return the text of params.yaml with other values in the place of some.

    Args:
        text: of the file
        values: words, or lists of words, by key, such as `corpus.source`

    Raises:
        SettingsError: the file has no such key
    """
    for key, value in values.items():
        node = _find_value(text, key)
        start, end = node.start_mark.index, node.end_mark.index
        word = value if isinstance(value, str) else f"[{', '.join(value)}]"
        if isinstance(node, yaml.SequenceNode) and not node.flow_style:
            # it may be indented as its key is, and its end is that of the comments after it
            word, end = f"  {word}", node.value[-1].end_mark.index
        text = text[:start] + word + text[end:]
    return text


def write_text(file: Path, text: str) -> None:
    """Replace a file, or what it links to, at once, with the permissions that it had."""
    file = file.resolve()
    with atomic_write(file) as temporary:
        temporary.write_bytes(text.encode())
        shutil.copymode(file, temporary)


def _find_value(text: str, key: str) -> yaml.Node:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for name in key.split("."):
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for own, value in pairs if own.value == name), None)
    if node is None:
        raise SettingsError(f"params.yaml has no {key}: add it, as in the published file")
    return node
