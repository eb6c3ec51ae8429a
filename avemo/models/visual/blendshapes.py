"""The head of `expression` on how far the faces move each way, and on their geometry."""

from .expression import embed

__all__ = ["INPUTS", "embed"]

INPUTS = ("blendshapes", "geometry")
