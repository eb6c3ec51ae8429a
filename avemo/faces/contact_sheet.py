"""The aligned faces of clips on one page, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AvemoError, MediaError
from ..io import atomic_write
from . import detectors, extract

if TYPE_CHECKING:
    import numpy as np

__all__ = ["write"]

_SIDE = 112  # pixels of a face
_LINE = 20  # of a line of text
_INK, _PAPER = (40, 40, 40), 255


def write(
    files: Sequence[str], settings: extract.Settings, target: Path
) -> dict[str, int | MediaError]:
    """Look at each clip as the stage of faces would, and draw what it finds: a row a clip.

    Over each row stands the file, under each face when it is seen, and its yaw; a star marks one
    that is put between its neighbours.

    Args:
        files: the clips
        settings: `faces` of params.yaml
        target: a picture's file, such as sheet.png; it is written whole, or not at all where no
            clip has a face

    Returns:
        by file, how many faces it has, or why none

    Raises:
        AssetError: the detector's weights cannot be had
        AvemoError: the target's name has no ending of a picture
    """
    import cv2
    import numpy as np

    if not cv2.haveImageWriter(str(target)):
        raise AvemoError(f"{target} has no ending of a picture: call it {target.stem}.png")
    name, weights = detectors.resolve(settings.detector)
    content = weights.read_bytes() if weights else None
    detector = detectors.load(name, content, settings.detector_side)
    results: dict[str, int | MediaError] = {}
    rows = []
    for file in files:
        try:
            found = extract.extract(Path(file), settings, detector)
        except MediaError as error:
            results[file] = error
            continue
        results[file] = len(found["times"])
        rows.append(_row(file, found))
    if rows:
        width = max(row.shape[1] for row in rows)
        page = np.concatenate([_widened(row, width) for row in rows])
        _, encoded = cv2.imencode(target.suffix, page[..., ::-1])
        with atomic_write(target) as beside:
            beside.write_bytes(encoded.tobytes())
    return results


def _row(file: str, found: dict[str, np.ndarray]) -> np.ndarray:
    """A clip's faces side by side, RGB `[shape=(height, width, 3)]`."""
    import numpy as np

    captions = [
        f"{time:.2f} s {yaw:+.0f}°{'*' * bool(bridged)}"
        for time, (yaw, _, _), bridged in zip(
            found["times"], found["pose"], found["bridged"], strict=True
        )
    ]
    columns = [
        np.concatenate([picture, _text(caption, _SIDE)])
        for picture, caption in zip(extract.images(found, _SIDE), captions, strict=True)
    ]
    title = f"{file}: {len(columns)} faces, found in {float(found['found']):.0%} of the frames"
    row = _widened(np.concatenate(columns, axis=1), 6 * _SIDE)
    return np.concatenate([_text(title, row.shape[1]), row])


def _text(text: str, width: int) -> np.ndarray:
    import cv2
    import numpy as np

    strip = np.full((_LINE, width, 3), _PAPER, np.uint8)
    cv2.putText(strip, text, (3, _LINE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _INK, 1, cv2.LINE_AA)
    return strip


def _widened(row: np.ndarray, width: int) -> np.ndarray:
    import numpy as np

    more = ((0, 0), (0, max(0, width - row.shape[1])), (0, 0))
    return np.pad(row, more, constant_values=_PAPER)
