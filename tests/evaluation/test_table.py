"""The table that the stage `evaluate` shows."""

import pytest

from avemo.evaluation.table import results_table
from avemo.records import EvaluationResult, Figures, Interval, ModalityResult
from avemo.terminal import show


def figures(uar: float) -> Figures:
    interval = Interval(uar, uar - 0.1, uar + 0.1, actors=4, performances=9)
    return {"uar": interval, "accuracy": interval}


def test_a_row_for_every_modality_and_for_the_fused_model_with_one_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fused = ModalityResult(
        run_id="r", architecture="late", test=figures(0.7), unimodal={"audio": figures(0.5)}
    )
    skipped = ModalityResult(skipped="no performance has crops")
    result = EvaluationResult(
        synthetic=False, protocol="actor", modalities={"visual": skipped, "fused": fused}
    )
    show(results_table(result))
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["architecture", "test", "UAR", "accuracy", "performances", "actors"]
    assert [row.split() for row in rows] == [
        ["visual", "none"],
        ["fused", "late", *["0.700", "[0.600,", "0.800]"] * 2, "9", "4"],
        ["audio", "alone", *["0.500", "[0.400,", "0.600]"] * 2, "9", "4"],
    ]
