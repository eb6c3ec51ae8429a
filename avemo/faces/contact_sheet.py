"""The aligned faces of clips on one page, to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AvemoError, MediaError
from ..io import atomic_write
from . import detectors, extract
from .detectors import weights
from .settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["write"]

_SIDE_PX = 112  # of a face
_LINE_PX = 20  # of a line of text
_INK, _PAPER = (40, 40, 40), 255


def write(files: Sequence[str], settings: Settings, target: Path) -> dict[str, int | MediaError]:
    """Extract the faces of clips as the stage `faces` would, and draw them, a row for each clip.

    The row's title is the file; each face has its time and its yaw under it, and a star if it is
    interpolated.

    Args:
        files: the clips
        settings: `faces` of params.yaml
        target: a picture's file, such as sheet.png; it appears whole, or not at all if no clip has
            a face

    Returns:
        by file, how many faces it has, or why none

    Raises:
        AssetError: the detector's weights cannot be fetched
        AvemoError: the target's name has no picture's ending
    """
    import cv2
    import numpy as np

    if not cv2.haveImageWriter(str(target)):
        raise AvemoError(f"{target} has no ending of a picture: call it {target.stem}.png")
    detector = detectors.load(*weights.resolve(settings.detector), settings.detector_side_px)
    results: dict[str, int | MediaError] = {}
    rows = []
    for file in files:
        try:
            faces = extract.extract(Path(file), settings, detector)
        except MediaError as error:
            results[file] = error
            continue
        results[file] = len(faces["times"])
        rows.append(_draw_row(file, faces))
    if rows:
        width = max(row.shape[1] for row in rows)
        page = np.concatenate([_pad_width(row, width) for row in rows])
        _, encoded = cv2.imencode(target.suffix, page[..., ::-1])
        with atomic_write(target) as beside:
            beside.write_bytes(encoded.tobytes())
    return results


def _draw_row(file: str, faces: Mapping[str, NDArray[Any]]) -> NDArray[np.uint8]:
    """Return a clip's faces side by side, RGB [shape=(height, width, 3)]."""
    import numpy as np

    captions = [
        f"{time:.2f} s {yaw:+.0f}°{'*' * bool(interpolated)}"
        for time, (yaw, _, _), interpolated in zip(
            faces["times"], faces["pose"], faces["interpolated"], strict=True
        )
    ]
    columns = [
        np.concatenate([picture, _draw_text(caption, _SIDE_PX)])
        for picture, caption in zip(extract.decode_crops(faces, _SIDE_PX), captions, strict=True)
    ]
    rate = float(faces["detection_rate"])
    title = f"{file}: {len(columns)} faces, detected in {rate:.0%} of the frames"
    row = _pad_width(np.concatenate(columns, axis=1), 6 * _SIDE_PX)
    return np.concatenate([_draw_text(title, row.shape[1]), row])


def _draw_text(text: str, width: int) -> NDArray[np.uint8]:
    import cv2
    import numpy as np

    strip = np.full((_LINE_PX, width, 3), _PAPER, np.uint8)
    origin = (3, _LINE_PX - 6)
    cv2.putText(strip, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.45, _INK, 1, cv2.LINE_AA)
    return strip


def _pad_width(row: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    import numpy as np

    padding = ((0, 0), (0, max(0, width - row.shape[1])), (0, 0))
    return np.pad(row, padding, constant_values=_PAPER)
