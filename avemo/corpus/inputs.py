"""What params.yaml names outside the pipeline's own folders: checked, and linked for DVC to watch.

DVC watches the links `data/corpus.path` and `data/imported.NAME`, which are called like their
settings, and not the paths themselves: so the first to look at a path is avemo, which says what is
wrong with it.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ..errors import CorpusError, join_names
from ..io import atomic_write
from ..paths import Project
from ..settings import Corpus, Settings
from .folder import require_folder
from .input_path import CORPUS_PATH, resolve_path
from .manifest import locate_manifest

__all__ = ["check_inputs", "link_inputs"]

#: in a link's place, where the setting is not used
_UNUSED = "not used\n"


def check_inputs(project: Project, settings: Settings) -> dict[Path, Path | None]:
    """Check the corpus and what other programs computed.

    Returns:
        by link, the path that it leads to; None where the setting is not used

    Raises:
        CorpusError: a path names nothing that can be used, or holds what DVC cannot record
    """
    paths = {CORPUS_PATH: _locate_corpus(project, settings.corpus)}
    for name in type(settings.imported).model_fields:
        paths[f"imported.{name}"] = _locate_imported(project, settings, name)
    for setting, path in paths.items():
        if path is not None:
            _check_place(project, setting, path)
            _check_entries(setting, path)
    return {project.input(setting): path for setting, path in paths.items()}


def link_inputs(project: Project, settings: Settings) -> list[Path]:
    """Check the inputs, and link each where DVC watches it.

    Returns:
        the paths that the links lead to

    Raises:
        CorpusError: see `check_inputs`
    """
    links = check_inputs(project, settings)
    for link, path in links.items():
        with atomic_write(link) as temporary:
            if path is None:
                temporary.write_text(_UNUSED)
            elif path.is_relative_to(project.root):  # so that the project can be moved
                temporary.symlink_to(os.path.relpath(path, link.parent))
            else:
                temporary.symlink_to(path)
    return [path for path in links.values() if path is not None]


def _locate_corpus(project: Project, corpus: Corpus) -> Path | None:
    """Return the folder or the manifest that `corpus.path` names; None where it is not used.

    Raises:
        CorpusError: it names nothing that `corpus.source` can take
    """
    if corpus.source not in ("path", "manifest"):
        return None
    path = resolve_path(project, CORPUS_PATH, corpus.path)
    if corpus.source == "manifest":
        locate_manifest(path)
    else:
        require_folder(path)
    return path


def _locate_imported(project: Project, settings: Settings, name: str) -> Path | None:
    """Return the folder or the table that `imported.NAME` names; None where it is not used.

    Raises:
        CorpusError: it names nothing
    """
    if name not in settings.extractors:
        return None
    setting = f"imported.{name}"
    path = resolve_path(project, setting, getattr(settings.imported, name))
    if not path.exists():
        raise CorpusError(f"{setting}: there is no {path}: set it in params.yaml")
    return path


def _check_place(project: Project, setting: str, path: Path) -> None:
    """Refuse what the pipeline itself writes, and a folder that holds the project.

    Raises:
        CorpusError: it is one of these
    """
    real, root = path.resolve(), project.root.resolve()
    if root.is_relative_to(real):
        raise CorpusError(
            f"{setting}: {path} holds the project itself: move the files into a folder of their "
            "own, and set it to that"
        )
    written = [project.raw, project.soundtrack, project.report, root / "features", root / "results"]
    for folder in written:
        if real.is_relative_to(folder):
            raise CorpusError(
                f"{setting}: {path} is what the pipeline writes: set it to where the files are"
            )


def _check_entries(setting: str, path: Path) -> None:
    """Refuse what DVC, which records every file below a path, cannot record.

    Raises:
        CorpusError: there is such an entry; each kind is named
    """
    kinds: dict[str, list[str]] = {}
    for entry, fault in _list_faults(path):
        kinds.setdefault(fault, []).append(os.fsencode(entry).decode(errors="backslashreplace"))
    if kinds:
        faults = "; ".join(f"{join_names(names, 3)}: {fault}" for fault, names in kinds.items())
        raise CorpusError(f"in {setting}, {faults}")


def _list_faults(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the path of each entry that cannot be recorded, and what is wrong with it."""
    if not path.is_dir():
        yield from ((str(path), fault) for fault in [_find_fault(path)] if fault)
        return
    unread: list[str] = []
    for base, folders, names in os.walk(path, onerror=lambda error: unread.append(error.filename)):
        for name in (*folders, *names):
            if fault := _find_fault(Path(base, name)):
                yield os.path.join(base, name), fault  # noqa: PTH118
    yield from ((folder, "this folder cannot be read: permit it") for folder in unread)


def _find_fault(path: Path) -> str:
    """Return what is wrong with an entry; empty where nothing is."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return "the name is no UTF-8: rename it (convmv -f latin1 -t utf8)"
    if path.name in (".dvcignore", ".dvc"):
        return "this is a DVC project of its own: name the folder of the recordings in it"
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "this link leads nowhere: mend or remove it"
    except OSError as error:
        return f"{error.strerror}: permit it or take it out"
    if stat.S_ISDIR(mode):
        return ""
    if not stat.S_ISREG(mode):
        return "this is neither a file nor a folder: take it out"
    return "" if os.access(path, os.R_OK) else "this cannot be read: permit it or take it out"
