"""The table that a registered version returns."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers.sounds import encoded
from helpers.timed_films import RATE, tone
from helpers.tone_model import HIGH_HZ, LOW_HZ, load_tone_model

from avemo.inference.pyfunc import MEDIA, Model


@pytest.mark.parametrize("index", [[7, 3, 9], ["b", "a", "a"]])
def test_rows_have_the_index_of_their_input(tmp_path: Path, index: list[object]) -> None:
    """So that what is joined to a part of a table stands beside its own clip."""
    low, high = (encoded(tone(1.0, hz), RATE) for hz in (LOW_HZ, HIGH_HZ))
    model: Any = Model()
    model.recogniser = load_tone_model(tmp_path)
    media = pd.DataFrame({MEDIA: pd.Series([low, None, high], index=index, dtype=object)})
    rows = model.predict(None, media)
    assert [*rows.index] == index
    assert [*rows["emotion"]] == ["happy", "", "sad"]
