from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from avemo.errors import AvemoError
from avemo.evaluation.bootstrap import Bootstrap
from avemo.report import adaptation, plots

BOOTSTRAP = Bootstrap(100, 0.95, 1)
ROOT = Path(__file__).parents[2]


def scores(apart: float) -> pd.DataFrame:
    """Scores of ten speakers' pairs; those of one speaker are higher by so many deviations."""
    random = np.random.default_rng(1)
    rows = [
        ("statistics", 2, f"s{a}", f"s{b}", random.normal() + apart * (a == b))
        for a in range(10)
        for b in range(10)
        for _ in range(20)
    ]
    return pd.DataFrame(rows, columns=adaptation.SPEAKER_COLUMNS)


@pytest.mark.parametrize(("apart", "expected"), [(0.0, 0.5), (2.0, 0.159), (20.0, 0.0)])
def test_the_equal_error_rate_of_normal_scores(apart: float, expected: float) -> None:
    rate = adaptation.equal_error_rate(scores(apart), BOOTSTRAP)
    assert rate.value == pytest.approx(expected, abs=0.05)
    assert rate.low is not None
    assert rate.low <= rate.value


@pytest.mark.slow
def test_the_kept_results_say_what_the_page_shows() -> None:
    results = adaptation.read(ROOT)
    assert results is not None
    tables = adaptation.tables(results, BOOTSTRAP)
    assert [row[0] for row in tables.curve] == [*tables.uars]
    assert tables.curve[0][0] == "none"
    assert [row[0] for row in tables.speakers] == ["1", "2", "5", "10", "20"]
    assert {len(row) for row in tables.curve} == {7}
    assert [row[0] for row in tables.abstention] == [*tables.uars]
    assert {len(row) for row in tables.abstention} == {7}
    assert tables.uars.keys() == tables.fused_uars.keys()
    curves = {"sound": tables.uars, "sound and picture": tables.fused_uars}
    assert plots.svg(plots.adaptation(curves, "A")) == plots.svg(plots.adaptation(curves, "A"))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    assert adaptation.read(tmp_path) is None
    (tmp_path / adaptation.FOLDER).mkdir(parents=True)
    files = (
        adaptation.CURVE,
        adaptation.FUSED,
        adaptation.TWO_ENCODERS,
        adaptation.SPEAKERS,
        adaptation.REFUSED,
        adaptation.ABSTENTION,
    )
    for file in files:
        (tmp_path / file).write_text("performance,true\n1,sad\n", encoding="utf-8")
    with pytest.raises(AvemoError, match=r"there is no column .* bring it back"):
        adaptation.read(tmp_path)
    (tmp_path / adaptation.SPEAKERS).unlink()
    with pytest.raises(AvemoError, match="bring it back"):
        adaptation.read(tmp_path)
