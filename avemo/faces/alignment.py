"""A face in one place and at one size, by its five points."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

__all__ = ["TEMPLATE", "TEMPLATE_SIDE", "align", "beyond", "sharpness"]

# Where ArcFace, and what was trained after it, expects the five points in a crop of 112 pixels.
TEMPLATE = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
TEMPLATE_SIDE = 112


def align(image: np.ndarray, points: np.ndarray, *, size: int, margin: float) -> np.ndarray:
    """The face in one place and at one size: eyes level, its five points on ArcFace's template.

    Args:
        image: BGR, uint8, `[shape=(height, width, 3)]`
        points: the five points, in pixels `[shape=(5, 2)]`
        size: pixels of the crop's side
        margin: room on each side, as a share of the crop's side without it

    Returns:
        RGB, uint8, `[shape=(size, size, 3)]`; beyond the image its edge goes on
    """
    import cv2
    import numpy as np

    scale = size / (TEMPLATE_SIDE * (1 + 2 * margin))
    goal = (np.array(TEMPLATE) + margin * TEMPLATE_SIDE) * scale
    move = _similarity(np.asarray(points, np.float64), goal)
    times = round(1 / float(np.hypot(move[0, 0], move[1, 0])))
    if times > 1:
        image, move = _shrunk(image, move, size, min(times, *image.shape[:2]))
    crop = cv2.warpAffine(image, move, (size, size), borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(crop[..., ::-1])


def beyond(points: np.ndarray, width: int, height: int) -> float:
    """The share of a face that lies beyond the picture: of ArcFace's crop, without a margin.

    Args:
        points: the five points, in pixels `[shape=(5, 2)]`
        width: of the picture
        height: of the picture
    """
    import cv2
    import numpy as np

    move = _similarity(np.array(TEMPLATE), np.asarray(points, np.float64))
    side = TEMPLATE_SIDE
    crop = move @ np.array([[0, side, side, 0], [0, 0, side, side], [1, 1, 1, 1]])
    picture = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inside, _ = cv2.intersectConvexConvex(crop.T.astype(np.float32), picture)
    return float(1 - inside / (side**2 * np.linalg.det(move[:, :2])))


def sharpness(crop: np.ndarray) -> float:
    """The variance of the Laplacian of an aligned face's grey levels, at 112 pixels.

    Args:
        crop: RGB, uint8, `[shape=(size, size, 3)]`
    """
    import cv2

    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (TEMPLATE_SIDE, TEMPLATE_SIDE), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(small, cv2.CV_32F).var())


def _shrunk(
    image: np.ndarray, move: np.ndarray, size: int, times: int
) -> tuple[np.ndarray, np.ndarray]:
    """The part of an image that a crop shows, so many times smaller, and the move from there.

    By area: shrinking while turning would skip pixels, and noise would stand for texture.
    """
    import cv2
    import numpy as np

    ends = np.array([[0, size, 0, size], [0, 0, size, size], [1, 1, 1, 1]])
    corners = cv2.invertAffineTransform(move) @ ends
    most = np.array(image.shape[1::-1]) // times * times
    first = np.clip(np.floor(corners.min(axis=1)).astype(int) - times, 0, most - times)
    last = np.clip(np.ceil(corners.max(axis=1)).astype(int) + times, first + times, most)
    count = (last - first) // times
    (left, top), (right, bottom) = first, first + count * times
    small = cv2.resize(image[top:bottom, left:right], count.tolist(), interpolation=cv2.INTER_AREA)
    centre = first + (times - 1) / 2  # of the first small pixel
    return small, np.column_stack([move[:, :2] * times, move[:, 2] + move[:, :2] @ centre])


def _similarity(points: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """The turn, scale and shift that bring the points nearest to the goal `[shape=(2, 3)]`."""
    import numpy as np

    # least squares in a, b, x, y of  u = a·px - b·py + x,  v = b·px + a·py + y
    ones, zeros = np.ones(len(points)), np.zeros(len(points))
    px, py = points.T
    rows = np.vstack(
        [np.column_stack([px, -py, ones, zeros]), np.column_stack([py, px, zeros, ones])]
    )
    a, b, x, y = np.linalg.lstsq(rows, goal.T.ravel(), rcond=None)[0]
    return np.array([[a, -b, x], [b, a, y]])
