"""The head of `expression` on blendshapes and the faces' geometry."""

from .expression import Expression

__all__ = ["Blendshapes"]


class Blendshapes(Expression):
    """`Expression` with other inputs."""

    inputs = ("blendshapes", "geometry")
