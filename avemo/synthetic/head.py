"""The heads of the synthetic corpus: how the actors look, without any expression.

A head is shaded as a height field under one lamp: flat fills are no faces to a detector.

Lengths are in eye distances (about 44 pixels) from the point between the eyes, x to the viewer's
right, y down.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["CENTRE", "SIZE", "Identity", "Picture", "draw_head"]

#: width and height of a frame in pixels
SIZE = (320, 240)
#: the point between the eyes in pixels
CENTRE = (160.0, 108.0)

#: blue, green, red [shape=(height, width, 3)]
Picture = NDArray[np.uint8]
Floats = NDArray[np.floating]
#: blue, green, red, 0 to 255
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Identity:
    """What an actor looks like."""

    skin: Colour
    hair: Colour
    iris: Colour
    lip: Colour
    shirt: Colour
    width: float  # of the head, half
    chin: float  # below the eyes
    jaw: float  # squareness
    eye_distance: float  # pixels
    eye_width: float
    nose: float  # length
    nose_width: float
    mouth_width: float  # half
    brow: float  # thickness
    hairline: float  # above the eyes
    long_hair: bool
    expressivity: float  # how much of an expression shows

    @classmethod
    def of(cls, actor: int, seed: int) -> "Identity":
        """Return the actor's looks, the same in every take."""
        rng = np.random.default_rng([seed, actor, 1])
        female = actor % 2 == 0
        skins = (
            (172, 196, 232),
            (150, 180, 222),
            (128, 160, 208),
            (110, 143, 193),
            (160, 188, 236),
        )
        hairs = ((28, 32, 40), (30, 46, 72), (42, 66, 102), (70, 110, 150), (36, 36, 40))
        irises = ((110, 80, 50), (40, 62, 92), (70, 96, 80), (28, 44, 66))
        skin = np.array(skins[rng.integers(len(skins))]) * rng.uniform(0.94, 1.06)
        lip = skin * ((0.62, 0.56, 0.86) if female else (0.76, 0.70, 0.88))
        return cls(
            skin=_colour(skin),
            hair=_colour(np.array(hairs[rng.integers(len(hairs))])),
            iris=_colour(np.array(irises[rng.integers(len(irises))])),
            lip=_colour(lip),
            shirt=_colour(rng.uniform(30, 110, 3)),
            width=rng.uniform(1.16, 1.24) if female else rng.uniform(1.18, 1.26),
            chin=rng.uniform(1.68, 1.78) if female else rng.uniform(1.72, 1.82),
            jaw=rng.uniform(2.3, 2.7) if female else rng.uniform(2.6, 3.3),
            eye_distance=rng.uniform(43.0, 47.0),
            eye_width=rng.uniform(0.25, 0.28),
            nose=rng.uniform(0.66, 0.74),
            nose_width=rng.uniform(0.17, 0.2) if female else rng.uniform(0.19, 0.23),
            mouth_width=rng.uniform(0.4, 0.46),
            brow=rng.uniform(0.05, 0.07) if female else rng.uniform(0.075, 0.1),
            hairline=rng.uniform(0.98, 1.12),
            long_hair=female,
            expressivity=rng.uniform(0.65, 1.15),
        )


def _colour(values: NDArray[np.float64]) -> Colour:
    blue, green, red = np.clip(values, 0, 255).tolist()
    return blue, green, red


def draw_head(identity: Identity) -> Picture:
    """Draw the head without brows, eyes and mouth, on a plain background."""
    canvas = _Canvas(identity)
    if identity.long_hair:
        canvas.paint_long_hair()
    canvas.paint_body()
    canvas.paint_ears()
    canvas.paint_skin()
    canvas.paint_hair()
    return canvas.photograph()


class _Canvas:
    """A head that is painted from back to front."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        width, height = SIZE
        self.x, self.y = np.meshgrid(
            (np.arange(width, dtype=np.float32) - CENTRE[0]) / identity.eye_distance,
            (np.arange(height, dtype=np.float32) - CENTRE[1]) / identity.eye_distance,
        )
        self.side = np.abs(self.x)
        self.picture = np.empty((height, width, 3), np.float32)
        self.picture[:] = np.array((226, 224, 222)) - 8.0 * self.y[..., None]
        strands = 0.12 * np.sin(26 * self.x + 3 * np.sin(2.1 * self.y))
        self.strands = 1 + strands - 0.1 * self.y

    def _paint(self, colour: Colour, shade: Floats, share: Floats) -> None:
        tone = np.array(colour) * shade[..., None]
        self.picture += (tone - self.picture) * share[..., None]

    def paint_long_hair(self) -> None:
        self._paint(self.identity.hair, 0.8 * self.strands, self._long_hair())

    def _long_hair(self) -> Floats:
        crown = np.sqrt((1 - ((self.y + 0.2).clip(-1.66, 0) / 1.66) ** 2).clip(0))
        share = _inside((1.22 + 0.05 * self.y) * self.identity.width * crown - self.side)
        return share * _inside(1.9 - 0.25 * self.x**2 - self.y, 0.08) * _inside(self.y + 1.86)

    def paint_body(self) -> None:
        x, y = self.x, self.y
        shoulders = 2.45 + 0.35 * (self.side - 0.6).clip(0) ** 1.3
        self._paint(self.identity.shirt, 1.1 - 0.15 * self.side, _inside(y - shoulders))
        neck = _inside(0.68 - self.side + 0.3 * (y - 2.2).clip(0) ** 2)
        neck *= _inside(y - 1) * _inside(2.62 - 0.45 * x**2 - y)
        under_chin = 0.62 + 0.24 * ((y - self.identity.chin) / 0.8).clip(0, 1)
        self._paint(self.identity.skin, under_chin * (1 - 0.25 * x**2), neck)

    def paint_ears(self) -> None:
        out = self.side - self.identity.width
        ear = _inside(1 - (out / 0.14) ** 2 - ((self.y - 0.3) / 0.34) ** 2, 0.2)
        self._paint(self.identity.skin, 0.78 - 0.3 * out.clip(0, 1), ear)

    def paint_skin(self) -> None:
        light, outline = self._light(), _inside(self._half_width() - self.side)
        self._paint(self.identity.skin, light, outline)
        blush = self._bump(0.62, 0.62, 0.3, 0.25) + 0.7 * self._bump(
            0, self.identity.nose, 0.2, 0.15
        )
        blue, green, red = self.identity.skin
        self._paint((0.86 * blue, 0.88 * green, red), light, outline * blush.clip(0, 1))

    def paint_hair(self) -> None:
        x, y, width = self.x, self.y, self.identity.width
        crown = np.sqrt((1 - (y.clip(-1.86, 0) / 1.86) ** 2).clip(0))
        scalp = _inside((width + 0.04) * crown - self.side) * _inside(1.86 + y)
        line = 0.42 * (self.side / width) ** 3 + 0.04 * np.sin(5 * x + 20 * self.identity.hairline)
        fringe = scalp * _inside(line - self.identity.hairline - y, 0.06)
        if self.identity.long_hair:
            temples = _inside(self.side - 0.93 * width - 0.05 * np.cos(3 * y), 0.05)
            temples *= self._long_hair() * _inside(1.5 - y, 0.3) * _inside(y + 1.1)
        else:
            temples = _inside(self.side - 0.93 * width, 0.04) * scalp * _inside(0.12 - y)
        gloss = 1 + 0.5 * np.exp(-(((y + 1.45) / 0.16) ** 2) - ((x + 0.3) / 0.7) ** 2)
        self._paint(self.identity.hair, self.strands * gloss, np.maximum(fringe, temples))

    def photograph(self) -> Picture:
        """Return the picture, slightly out of focus, with a camera's grain."""
        soft = cv2.GaussianBlur(self.picture, (0, 0), 0.7)
        grain = np.random.default_rng(0).normal(0, 1.6, soft.shape[:2])
        picture: Picture = np.clip(soft + grain[..., None], 0, 255).astype(np.uint8)
        return picture

    def _half_width(self) -> Floats:
        """Return the head's half width at each height; negative above and below it."""
        above = 1 - (self.y / 1.78).clip(-1, 0) ** 2
        below = 1 - (self.y.clip(0) / self.identity.chin).clip(0, 1) ** self.identity.jaw
        half: Floats = self.identity.width * np.sqrt(above * below) - 0.02
        return half

    def _bump(self, x: float, y: float, width: float, height: float) -> Floats:
        """Return a soft hill on either side of the face (or one, where x is 0)."""
        across, along = (self.side - x) / width, (self.y - y) / height
        hill: Floats = np.exp(-(across**2) - along**2)
        return hill

    def _light(self) -> Floats:
        """Return the brightness of the skin under a lamp above the camera, about 0.5 to 1.1."""
        nose, nose_width, bump = self.identity.nose, self.identity.nose_width, self._bump
        relief = self._relief().astype(np.float32)
        by_y, by_x = np.gradient(
            cv2.GaussianBlur(relief, (0, 0), 1.0), 1 / self.identity.eye_distance
        )
        lamp_x, lamp_y, lamp_z = -0.22, -0.5, 0.84
        facing = (lamp_z - by_x * lamp_x - by_y * lamp_y) / np.sqrt(1 + by_x**2 + by_y**2)
        light: Floats = 0.54 + 0.54 * facing.clip(0)
        light *= 1 - 0.16 * bump(0.44, -0.06, 0.28, 0.18)  # a socket's own shadow
        light *= 1 - 0.55 * bump(0.5 * nose_width, nose + 0.13, 0.065, 0.035)  # nostrils
        light *= 1 - 0.2 * bump(0, nose + 0.17, 0.2, 0.05)  # the nose's shadow
        return light

    def _relief(self) -> Floats:
        """Return how far the face stands out towards the camera."""
        nose, nose_width, bump = self.identity.nose, self.identity.nose_width, self._bump
        half = self._half_width().clip(0.05)
        height: Floats = 0.95 * np.sqrt((1 - (self.x / half) ** 2).clip(0))
        # the nose rises to its tip and ends there
        along = ((self.y + 0.15) / (nose + 0.15)).clip(0, 1)
        past = ((self.y - nose) / 0.16).clip(0)
        ridge = np.exp(-((self.side / (0.5 * nose_width + 0.1 * along)) ** 2))
        height += 0.34 * along**1.2 * np.exp(-(past**2)) * ridge
        height += 0.13 * bump(nose_width, nose + 0.02, 0.09, 0.1)  # its wings
        height += 0.07 * bump(0.45, -0.36, 0.32, 0.12)  # brow ridge
        height -= 0.2 * bump(0.46, -0.02, 0.24, 0.2)  # sockets
        height += 0.12 * bump(0.66, 0.5, 0.3, 0.26)  # cheeks
        height -= 0.05 * bump(0.42, 0.92, 0.1, 0.25)  # folds beside the mouth
        height += 0.1 * bump(0, 1.15, 0.34, 0.16)  # lips
        height -= 0.08 * bump(0, 1.4, 0.25, 0.08)  # the groove below them
        height += 0.12 * bump(0, self.identity.chin - 0.16, 0.26, 0.16)  # chin
        return height


def _inside(distance: Floats, soft: float = 0.03) -> Floats:
    """Return 1 where the distance is positive, 0 where it is negative, and a soft edge."""
    share: Floats = (distance / soft + 0.5).clip(0, 1)
    return share
