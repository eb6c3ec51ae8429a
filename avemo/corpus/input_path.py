"""The absolute path that a setting of params.yaml names."""

from pathlib import Path

from ..errors import CorpusError
from ..paths import Project

__all__ = ["CORPUS_PATH", "resolve_path"]

#: the setting that names the recordings
CORPUS_PATH = "corpus.path"


def resolve_path(project: Project, setting: str, text: str) -> Path:
    """Return the absolute path that a setting names, from the project's folder; `~` is the user's.

    Args:
        project: whose settings these are
        setting: its key, such as `corpus.path`
        text: its value

    Raises:
        CorpusError: the text is no path
    """
    if not text.strip() or "\0" in text:
        raise CorpusError(f"{setting} is {text!r}: set it in params.yaml to a file or a folder")
    try:
        path = project.home / Path(text).expanduser()
        path.exists()
    except RuntimeError:  # of a user who does not exist, or who has no home
        raise CorpusError(f"{setting}: {text}: write the path in full, without ~") from None
    except OSError as error:
        raise CorpusError(f"{setting}: {text}: {error.strerror}: name another place") from None
    return path
