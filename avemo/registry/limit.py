"""A bound that a value must keep, as rules and their tables have it."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Limit"]

#: figures that differ by less are equal: 0.8 less 0.7 is not 0.1 to the last bit
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Limit:
    """A bound, and on which side of it a value must lie; on the bound itself it may lie.

    Args:
        direction: of the values that are allowed, from the bound
        bound: in the unit of the values
    """

    direction: Literal["at least", "at most"]
    bound: float

    def allows(self, value: float) -> bool:
        """Return whether a value keeps within the limit; NaN never does."""
        if self.direction == "at least":
            return value >= self.bound - _ROUNDING
        return value <= self.bound + _ROUNDING

    def __str__(self) -> str:
        return f"{self.direction} {self.bound + 0:g}"  # -0.0 + 0 is 0.0
