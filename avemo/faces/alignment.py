"""A face in one place and at one size, by its five landmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["TEMPLATE", "TEMPLATE_SIDE_PX", "align", "measure_cut_ratio", "measure_sharpness"]

# Where ArcFace, and what was trained after it, expects the five landmarks in a crop of 112 pixels.
TEMPLATE = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
TEMPLATE_SIDE_PX = 112


def align(
    image: NDArray[np.uint8], landmarks: NDArray[np.float32], *, side_px: int, margin: float
) -> NDArray[np.uint8]:
    """Return the face in one place and at one size: eyes level, landmarks on ArcFace's template.

    Args:
        image: BGR [shape=(height, width, 3)]
        landmarks: in pixels [shape=(5, 2)]
        side_px: of the crop
        margin: on each side, as a share of the crop's side without it

    Returns:
        RGB [shape=(side_px, side_px, 3)]; beyond the image, the pixels of its edge are repeated
    """
    import cv2
    import numpy as np

    scale = side_px / (TEMPLATE_SIDE_PX * (1 + 2 * margin))
    goal = (np.array(TEMPLATE) + margin * TEMPLATE_SIDE_PX) * scale
    transform = _fit_similarity(np.asarray(landmarks, np.float64), goal)
    factor = round(1 / float(np.hypot(transform[0, 0], transform[1, 0])))
    if factor > 1:
        factor = min(factor, *image.shape[:2])
        image, transform = _shrink(image, transform, side_px, factor)
    size = (side_px, side_px)
    crop = cv2.warpAffine(image, transform, size, borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(crop[..., ::-1])


def measure_cut_ratio(landmarks: NDArray[np.float32], width: int, height: int) -> float:
    """Return the share of a face beyond the picture: of ArcFace's crop, without a margin.

    Args:
        landmarks: in pixels [shape=(5, 2)]
        width: of the picture, in pixels
        height: of the picture, in pixels
    """
    import cv2
    import numpy as np

    transform = _fit_similarity(np.array(TEMPLATE), np.asarray(landmarks, np.float64))
    side = TEMPLATE_SIDE_PX
    crop = transform @ np.array([[0, side, side, 0], [0, 0, side, side], [1, 1, 1, 1]])
    picture = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inside, _ = cv2.intersectConvexConvex(crop.T.astype(np.float32), picture)
    return float(1 - inside / (side**2 * np.linalg.det(transform[:, :2])))


def measure_sharpness(crop: NDArray[np.uint8]) -> float:
    """Return the variance of the Laplacian of an aligned face's grey levels, at 112 pixels.

    Args:
        crop: RGB [shape=(side, side, 3)]
    """
    import cv2

    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    size = (TEMPLATE_SIDE_PX, TEMPLATE_SIDE_PX)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(small, cv2.CV_32F).var())


def _shrink(
    image: NDArray[np.uint8], transform: NDArray[np.float64], side_px: int, factor: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the part of an image that a crop shows, `factor` times smaller, and its transform.

    It is averaged over areas: shrinking while turning would skip pixels, and noise would look like
    texture.

    Args:
        image: [shape=(height, width, 3)]
        transform: from the image to the crop [shape=(2, 3)]
        side_px: of the crop
        factor: a whole number
    """
    import cv2
    import numpy as np

    corners_of_crop = np.array([[0, side_px, 0, side_px], [0, 0, side_px, side_px], [1, 1, 1, 1]])
    corners = cv2.invertAffineTransform(transform) @ corners_of_crop
    limit = np.array(image.shape[1::-1]) // factor * factor
    first = np.clip(np.floor(corners.min(axis=1)).astype(int) - factor, 0, limit - factor)
    last = np.clip(np.ceil(corners.max(axis=1)).astype(int) + factor, first + factor, limit)
    count = (last - first) // factor
    (x_min, y_min), (x_max, y_max) = first, first + count * factor
    visible = image[y_min:y_max, x_min:x_max]
    small = cv2.resize(visible, count.tolist(), interpolation=cv2.INTER_AREA)
    centre = first + (factor - 1) / 2  # of the first small pixel
    linear, shift = transform[:, :2], transform[:, 2]
    return small, np.column_stack([linear * factor, shift + linear @ centre])


def _fit_similarity(points: NDArray[np.float64], goal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the turn, scale and shift that bring points nearest to a goal [shape=(2, 3)]."""
    import numpy as np

    # least squares in a, b, x, y of  u = a·px - b·py + x,  v = b·px + a·py + y
    px, py = points.T
    unit, zero = np.ones_like(px), np.zeros_like(px)
    u_rows = np.column_stack([px, -py, unit, zero])
    v_rows = np.column_stack([py, px, zero, unit])
    rows = np.vstack([u_rows, v_rows])
    a, b, x, y = np.linalg.lstsq(rows, goal.T.ravel(), rcond=None)[0]
    return np.array([[a, -b, x], [b, a, y]])
