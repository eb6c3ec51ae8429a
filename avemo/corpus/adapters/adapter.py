"""What every adapter does: say what a corpus's files stand for, by the corpus's own names."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import ClassVar

__all__ = ["Adapter", "DescribeFile", "Listing", "NotInCode", "Row", "joined_name"]


class NotInCode(ValueError):
    """A file is named otherwise than the corpus names its recordings; the message says how."""


@dataclass(frozen=True)
class Row:
    """A line of a manifest: what one file stands for.

    Args:
        speaker: the corpus's own name of the speaker
        emotion: in common English: neutral, calm, happy, sad, angry, fearful, disgust, surprised,
            boredom, contempt, frustrated, excited, other, undecided
        performance: the take, which several files may show; unique in the corpus
        sex: male, female or unknown
        split: the part that the corpus itself puts the recording into
        path: from the folder
    """

    speaker: str
    emotion: str
    performance: str
    sex: str = "unknown"
    split: str = ""
    path: str = ""


#: from a file's path, below the corpus's folder, to its row; raises NotInCode
DescribeFile = Callable[[PurePath], Row]


@dataclass(frozen=True)
class Listing:
    """The recordings of a folder.

    Args:
        rows: a row a recording, by path
        passed_over: by reason, the paths of other files
    """

    rows: list[Row] = field(default_factory=list)
    passed_over: dict[str, list[str]] = field(default_factory=dict)


class Adapter(ABC):
    """One corpus.

    Attributes:
        name: in `corpus` of a manifest, and in `labels.corpora` of params.yaml
        title: the corpus's own name
        language: that is spoken, ISO 639-1
        licence: what the recordings may be used for
        citation: whom to cite
    """

    name: ClassVar[str]
    title: ClassVar[str]
    language: ClassVar[str]
    licence: ClassVar[str]
    citation: ClassVar[str]

    @abstractmethod
    def open_folder(self, folder: Path) -> DescribeFile:
        """Return the function that says what a file stands for.

        Args:
            folder: the corpus's, with its tables where it has some

        Raises:
            CorpusError: a table is missing without which nothing is known
        """

    def list_rows(self, folder: Path, paths: Iterable[PurePath]) -> Listing:
        """Return what the files of a folder stand for.

        Args:
            folder: the corpus's
            paths: of media files, from the folder

        Raises:
            CorpusError: as `open_folder`
        """
        describe = self.open_folder(folder)
        listing = Listing()
        for path in paths:
            try:
                row = describe(path)
            except NotInCode as error:
                listing.passed_over.setdefault(str(error), []).append(path.as_posix())
            else:
                listing.rows.append(replace(row, path=path.as_posix()))
        return listing


def joined_name(path: PurePath) -> str:
    """Return folders and name without suffix, joined: some copies of a corpus have flat names."""
    return "_".join(path.with_suffix("").parts)
