"""Types of what extractors take and give."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Arrays", "Sound"]

Sound = NDArray[np.float32]
#: of any type: an extractor's `dtypes` say which
Array = NDArray[Any]
Arrays = dict[str, Array]
