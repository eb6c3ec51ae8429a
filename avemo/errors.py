"""The few error classes that a caller may want to catch.

Each message says what avemo got, what it expected and what to do; `avemo` prints it as one line.
"""

__all__ = [
    "AssetError",
    "AvemoError",
    "CorpusError",
    "GraphError",
    "MediaError",
    "SettingsError",
    "join_names",
    "last_line",
]


class AvemoError(Exception):
    """Anything that avemo knows how to explain."""


class SettingsError(AvemoError):
    """params.yaml has a wrong key, type or value."""


class CorpusError(AvemoError):
    """The corpus as a whole cannot be used."""


class MediaError(AvemoError):
    """One recording cannot be used.

    Args:
        finding: the class of the problem, one short word: `name`, `unreadable`, `no-sound`,
            `silent`, `too-short`, `too-long`, `no-picture`, `no-face`, `face-too-small`,
            `too-dark`, `cut-off`, `turned-away`, `duplicate`, `imported`,
            `other-speaker`
        message: what is wrong, in a sentence
    """

    def __init__(self, finding: str, message: str) -> None:
        super().__init__(finding, message)
        self.finding = finding

    def __str__(self) -> str:
        return str(self.args[1])


class AssetError(AvemoError):
    """A pretrained file cannot be fetched, or differs from the pinned one."""


class GraphError(AvemoError):
    """A network cannot be run here."""


def join_names(names: list[str], limit: int = 10) -> str:
    """Return the names in one line, at most `limit` of them, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def last_line(output: str | bytes) -> str:
    """Return the last line of a program's output, which says why it failed."""
    text = output.decode(errors="replace") if isinstance(output, bytes) else output
    return (text.strip().splitlines() or ["no message"])[-1]
