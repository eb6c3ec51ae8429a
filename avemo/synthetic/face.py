"""The faces of the synthetic corpus: expressions, frame by frame, on the actors' heads.

Brows, eyes and mouth are painted on an actor's expressionless head, which is then shifted and
turned. Lengths are as in `avemo.synthetic.head`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .head import CENTRE, SIZE, Colour, Identity, Picture, draw_head

__all__ = ["EXPRESSIONS", "FRAME_RATE", "Expression", "draw_frames"]

#: frames a second, as a fraction
FRAME_RATE = (30000, 1001)

Values = NDArray[np.float64]

#: spread of an actor's own resting face, and of each take about it
_MANNER, _JITTER = 0.12, 0.19
#: brows, eyes and mouth of any identity lie inside: left, top, right, bottom in pixels
_PLACE = (104, 72, 216, 196)
_SHIFT = 4  # OpenCV draws at sixteenths of a pixel


@dataclass(frozen=True)
class Expression:
    """How far each part of a face is from rest: 0 is at rest, 1 is its limit.

    The parts follow the facial action units that emotions are commonly described by.
    """

    inner_brow: float = 0.0  # up
    outer_brow: float = 0.0  # up
    frown: float = 0.0  # brows drawn together
    lids: float = 0.0  # wide open; negative droops
    squint: float = 0.0  # lower lids up
    corners: float = 0.0  # mouth's corners up; negative pulls them down
    stretch: float = 0.0  # mouth wider; negative purses it
    gape: float = 0.0  # jaw down, on top of what the sound asks for
    sneer: float = 0.0  # upper lip up, nose wrinkled
    nod: float = 0.0  # head down
    tilt: float = 0.0  # head to one side


#: in the order of `avemo.corpus.adapters.ravdess.EMOTIONS`
EXPRESSIONS = (
    #          inner  outer  frown  lids  squint corners stretch gape  sneer  nod    tilt
    Expression(+0.00, +0.00, +0.00, +0.0, +0.00, +0.00, +0.00, +0.00, +0.00, +0.00, +0.00),
    Expression(+0.05, +0.05, -0.05, -0.2, +0.10, +0.20, +0.00, +0.00, +0.00, +0.05, +0.10),
    Expression(+0.15, +0.20, -0.10, +0.1, +0.50, +0.80, +0.50, +0.20, +0.05, -0.15, +0.20),
    Expression(+0.60, -0.20, +0.40, -0.4, +0.10, -0.60, -0.10, +0.00, +0.00, +0.50, +0.25),
    Expression(-0.70, -0.05, +0.70, +0.2, +0.45, -0.35, +0.10, +0.15, +0.25, +0.25, +0.00),
    Expression(+0.65, +0.35, +0.45, +0.6, +0.00, -0.35, +0.35, +0.30, +0.00, -0.20, +0.10),
    Expression(-0.40, -0.15, +0.50, -0.2, +0.55, -0.35, -0.10, +0.05, +0.80, -0.10, +0.15),
    Expression(+0.75, +0.80, -0.05, +0.7, -0.05, +0.20, -0.05, +0.45, +0.00, -0.30, +0.00),
)


def draw_frames(
    actor: int, emotion: int, strength: float, opening: Values, seed: int, take: int
) -> Iterator[Picture]:
    """Draw a performance.

    Args:
        actor: 1 and up; odd is male
        emotion: place in `avemo.corpus.adapters.ravdess.EMOTIONS`
        strength: how strongly it is acted; 1 is in full
        opening: how far the sound opens the mouth in each frame, 0 to 1 [shape=(frames,)]
        seed: of the corpus
        take: tells an actor's takes apart, each has its own jitter

    Yields:
        blue, green, red [shape=(height, width, 3)]
    """
    face = _Face(actor, seed)
    parts = len(fields(Expression))
    manner = np.random.default_rng([seed, actor, 2]).normal(0, _MANNER, parts)
    rng = np.random.default_rng([seed, actor, 3, take])
    acted = np.array(astuple(EXPRESSIONS[emotion])) * strength * face.identity.expressivity
    acted += manner + rng.normal(0, _JITTER, parts)
    time = np.arange(len(opening)) / FRAME_RATE[0] * FRAME_RATE[1]
    # an expression builds up over the first half second and then flickers
    build = (0.45 + 0.55 * (time / 0.5).clip(0, 1)) * (1 + 0.1 * _wander(time, rng))
    blinks = rng.uniform(0, 2.5) + np.arange(3) * rng.uniform(1.6, 3.0)
    closed = np.exp(-(((time[:, None] - blinks) / 0.06) ** 2)).max(1)
    gaze = 0.5 * _wander(time, rng)
    place = 3 * np.stack((_wander(time, rng), _wander(time, rng)), 1) + rng.normal(0, 3, 2)
    turn = 1.5 * _wander(time, rng) + rng.normal(0, 1.5)
    side, size = rng.choice((-1, 1)), rng.normal(1, 0.025)
    for at in range(len(opening)):
        look = Expression(*(acted * build[at]).clip(-1.1, 1.1).tolist())
        picture = face.paint(look, float(opening[at]), float(closed[at]), float(gaze[at]))
        # the head turns about the neck
        pivot, angle = (CENTRE[0], CENTRE[1] + 60), turn[at] + 7 * side * look.tilt
        matrix = cv2.getRotationMatrix2D(pivot, angle, size)
        matrix[:, 2] += place[at] + (0, 6 * look.nod)
        yield cv2.warpAffine(picture, matrix, SIZE, borderMode=cv2.BORDER_REPLICATE)


def _wander(time: Values, rng: np.random.Generator) -> Values:
    """Return a slow random movement between -1 and 1 [shape=(frames,)]."""
    hertz, phases = rng.uniform((0.15, 0.5, 1.1), (0.4, 0.9, 1.9)), rng.uniform(0, 2 * np.pi, 3)
    waves = np.sin(2 * np.pi * hertz * time[:, None] + phases)
    wander: Values = waves @ np.array((0.5, 0.3, 0.2))
    return wander


@lru_cache(maxsize=2)
def _load_actor(actor: int, seed: int) -> tuple[Identity, Picture]:
    identity = Identity.of(actor, seed)
    return identity, draw_head(identity)


class _Face:
    """An actor's face, to be painted again for each frame."""

    def __init__(self, actor: int, seed: int) -> None:
        self.identity, self._still = _load_actor(actor, seed)
        left, top, right, bottom = _PLACE
        self._place = np.s_[top:bottom, left:right]
        self._patch: Picture = self._still[self._place].copy()

    def paint(self, look: Expression, opening: float, closed: float, gaze: float) -> Picture:
        """Paint an expression on the head and return the picture.

        Args:
            look: the expression
            opening: how far the sound opens the mouth, 0 to 1
            closed: how far a blink closes the lids, 0 to 1
            gaze: where the eyes look, -1 (left) to 1 (right)
        """
        self._patch = self._still[self._place].copy()
        for side in (-1.0, 1.0):
            self._folds(side, look)
            self._eye(side, look, closed, gaze)
            self._brow(side, look)
        self._mouth(look, opening)
        picture = self._still.copy()
        picture[self._place] = self._patch
        return picture

    def _eye(self, side: float, look: Expression, closed: float, gaze: float) -> None:
        skin, iris = self.identity.skin, self.identity.iris
        t = np.linspace(-1, 1, 15)
        x = side * 0.5 + t * self.identity.eye_width
        slant = -0.015 * t * side  # the outer corner sits a little higher
        upper = slant - 0.125 * (1 + 0.55 * look.lids) * (1 - closed) * (1 - t**2) ** 0.8
        lower = slant + 0.075 * (1 - 0.6 * look.squint) * (1 - 0.7 * closed) * (1 - t**2)
        crease = slant - 0.16 * (1 - t**2) - 0.02
        self._fill(self._between(x, crease, upper), _scale(skin, 0.74))  # the lid, in shadow
        ball = np.full_like(self._patch, [min(232, 0.25 * tone + 150) for tone in skin])
        centre = (side * 0.5 + 0.07 * gaze, -0.03)
        for radius, tone in ((0.122, 0.55), (0.1, 1.0), (0.05, 0.2)):  # rim, iris, pupil
            self._disc(centre, radius, _scale(iris, tone), on=ball)
        self._disc((centre[0] - 0.035, centre[1] - 0.04), 0.022, (250, 250, 250), on=ball)
        self._line(x, upper, (90, 90, 100), 4, on=ball)
        self._reveal(ball, self._between(x, upper, lower))
        self._line(x, upper, (34, 36, 44), 2)
        self._line(x, lower, _scale(skin, 0.6), 1)

    def _brow(self, side: float, look: Expression) -> None:
        t = np.linspace(0, 1, 12)  # from the inner end to the outer
        x = side * (0.2 - 0.08 * look.frown + 0.62 * t)
        y = -0.31 - 0.1 * np.sin(np.pi * (0.15 + 0.75 * t)) + 0.05 * look.frown * (1 - t)
        y -= 0.17 * look.inner_brow * (1 - t) ** 1.3 + 0.15 * look.outer_brow * t**0.8
        half = self.identity.brow * (0.3 + 0.3 * np.sin(np.pi * (0.25 + 0.75 * t)))
        pairs = zip(self.identity.hair, self.identity.skin, strict=True)
        colour = [0.75 * hair + 0.12 * skin for hair, skin in pairs]
        self._fill(self._between(x, y - half, y + half), colour)

    def _folds(self, side: float, look: Expression) -> None:
        """Paint the creases of a smile, a sneer or a frown."""
        t = np.linspace(0, 1, 8)
        smile_x = self.identity.nose_width + 0.1 + 0.27 * t + 0.06 * np.sin(np.pi * t)
        smile_y = self.identity.nose - 0.06 + 0.36 * t
        frown_x, frown_y = 0.07 + 0.02 * t, -0.32 + 0.16 * t
        for x, y, depth in (
            (smile_x, smile_y, max(look.corners, look.sneer)),
            (frown_x, frown_y, 0.7 * look.frown),
        ):
            if depth > 0.15:
                self._line(side * x, y, _scale(self.identity.skin, 0.9 - 0.2 * min(depth, 1.0)), 2)

    def _mouth(self, look: Expression, opening: float) -> None:
        lip = self.identity.lip
        t = np.linspace(-1, 1, 21)
        bow = (1 - t**2) ** 0.8
        x = self.identity.mouth_width * t
        x *= 1 + 0.28 * look.stretch + 0.1 * look.corners - 0.14 * opening
        y = 1.14 - look.corners * (0.16 * t**2 - 0.03) - 0.05 * look.sneer * (1 - t**2)
        gape = max(look.gape, 0.0)
        up = (0.02 + 0.05 * opening + 0.06 * gape + 0.06 * look.sneer) * bow
        upper, lower = y - up / 2, y + (0.3 * opening + 0.26 * gape) * bow  # the lips' inner edges
        above = y - up - 0.095 * bow * (1 - 0.22 * np.exp(-((t / 0.16) ** 2)))
        below = lower + 0.125 * (1 - t**2) ** 0.7
        self._fill(self._between(x, above, below), lip)
        self._fill(self._between(x, above, upper), _scale(lip, 0.82))
        self._line(x[7:14], lower[7:14] + 0.06, _scale(lip, 1.14), 2)
        inside = np.full_like(self._patch, (32, 24, 58))
        teeth = self._between(0.8 * x, y - 0.2, y + 0.075 * np.sqrt(1 - t**2))
        self._fill(teeth, (206, 214, 220), on=inside)
        self._reveal(inside, self._between(0.94 * x, upper, lower))
        self._line(0.97 * x, upper, _scale(lip, 0.45), 1)
        for end in (0, -1):
            self._disc((x[end], y[end]), 0.022, _scale(self.identity.skin, 0.5))

    def _points(self, x: Values, y: Values) -> NDArray[np.int32]:
        """Convert eye distances to OpenCV's fixed-point pixels within `_PLACE` [shape=(n, 2)]."""
        points = np.empty((len(x), 2), np.int32)
        scale = self.identity.eye_distance
        points[:, 0] = (x * scale + CENTRE[0] - _PLACE[0]) * (1 << _SHIFT)
        points[:, 1] = (y * scale + CENTRE[1] - _PLACE[1]) * (1 << _SHIFT)
        return points

    def _between(self, x: Values, top: Values, bottom: Values) -> NDArray[np.int32]:
        """Return the outline of the area between two lines over the same x."""
        return np.concatenate((self._points(x, top), self._points(x, bottom)[::-1]))

    def _fill(
        self, outline: NDArray[np.int32], colour: Sequence[float], on: Picture | None = None
    ) -> None:
        picture = self._patch if on is None else on
        cv2.fillPoly(picture, [outline], colour, cv2.LINE_AA, _SHIFT)

    def _line(
        self, x: Values, y: Values, colour: Colour, pixels: int, on: Picture | None = None
    ) -> None:
        picture, points = self._patch if on is None else on, [self._points(x, y)]
        cv2.polylines(picture, points, False, colour, pixels, cv2.LINE_AA, _SHIFT)

    def _disc(
        self, at: tuple[float, float], radius: float, colour: Colour, on: Picture | None = None
    ) -> None:
        picture = self._patch if on is None else on
        (centre,) = self._points(np.array(at[:1]), np.array(at[1:])).tolist()
        length = round(radius * self.identity.eye_distance * (1 << _SHIFT))
        cv2.circle(picture, centre, length, colour, -1, cv2.LINE_AA, _SHIFT)

    def _reveal(self, layer: Picture, outline: NDArray[np.int32]) -> None:
        """Show a layer behind the face, inside an outline."""
        mask = np.zeros(layer.shape[:2], np.uint8)
        self._fill(outline, (255,), on=mask)
        left, top, width, height = cv2.boundingRect(mask)
        place = np.s_[top : top + height, left : left + width]
        share = mask[place][..., None].astype(np.float32) / 255
        front = self._patch[place].astype(np.float32)
        self._patch[place] = (front + (layer[place] - front) * share).astype(np.uint8)


def _scale(colour: Colour, factor: float) -> Colour:
    blue, green, red = colour
    return min(255.0, blue * factor), min(255.0, green * factor), min(255.0, red * factor)
