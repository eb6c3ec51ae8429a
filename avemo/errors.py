"""The few error classes that a caller may want to catch.

Each message says what was found, what was expected and what to do; `avemo` prints it as one line.
"""

__all__ = ["AssetError", "AvemoError", "CorpusError", "MediaError", "SettingsError", "ten"]


class AvemoError(Exception):
    """Anything that avemo knows how to explain."""


class SettingsError(AvemoError):
    """params.yaml has a wrong key, type or value."""


class CorpusError(AvemoError):
    """The corpus as a whole cannot be used."""


class MediaError(AvemoError):
    """One recording cannot be used.

    Args:
        finding: the class of the trouble, one short word: `name`, `unreadable`, `no-sound`,
            `silent`, `too-short`, `no-picture`, `no-face`, `face-too-small`, `too-dark`,
            `cut-off`, `turned-away`
        message: what was found, in a sentence
    """

    def __init__(self, finding: str, message: str) -> None:
        super().__init__(finding, message)
        self.finding = finding

    def __str__(self) -> str:
        return str(self.args[1])


class AssetError(AvemoError):
    """A pretrained file is not to be had, or is not what it should be."""


def ten(names: list[str]) -> str:
    """The names in one line, at most ten of them."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
