"""What a network says of each face, kept for the next clip that shows the same faces.

The windows of a timeline overlap, so that each face is in several.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TypeVar

import numpy as np

from .arrays import Arrays

__all__ = ["FaceRows"]

_MAX_ROWS = 128

Row = TypeVar("Row")


class FaceRows:
    """The rows of the last faces, by the crop's JPEG file; threads may share it."""

    def __init__(self) -> None:
        self._rows: OrderedDict[bytes, object] = OrderedDict()
        self._lock = Lock()

    def __reduce__(self) -> tuple[type[FaceRows], tuple[()]]:
        return FaceRows, ()  # another process keeps its own

    def get(self, faces: Arrays, compute: Callable[[Arrays], Sequence[Row]]) -> list[Row]:
        """Return one row a face.

        Args:
            faces: of a clip, as `faces.extract` gives them
            compute: called with `faces` and `sizes` of those faces whose rows are not kept, if any;
                a row must depend on its own face alone
        """
        ends = np.cumsum(faces["sizes"])
        files = np.split(faces["faces"], ends[:-1])
        keys = [file.tobytes() for file in files]
        with self._lock:
            rows = {key: self._rows[key] for key in keys if key in self._rows}
        missing = [index for index, key in enumerate(keys) if key not in rows]
        if missing:
            new = {
                "faces": np.concatenate([files[index] for index in missing]),
                "sizes": faces["sizes"][missing],
            }
            rows |= zip([keys[index] for index in missing], compute(new), strict=True)
        with self._lock:
            for key in keys:
                self._rows[key] = rows[key]
                self._rows.move_to_end(key)
            while len(self._rows) > _MAX_ROWS:
                self._rows.popitem(last=False)
        return [rows[key] for key in keys]  # type: ignore[misc]
