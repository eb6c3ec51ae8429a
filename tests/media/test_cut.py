"""Parts of films: their pictures in time, with their sound."""

from pathlib import Path

import numpy as np
import pytest
from helpers.timed_films import *  # noqa: F403

from avemo.media.cut import Part, cut
