"""A version's own example, and what it answered for it when it was registered."""

from __future__ import annotations

import base64
import io
import json
import math
import wave
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...errors import AvemoError
from ...inference.prediction import Prediction
from ...registry.example import EXAMPLE_FILE, TOLERANCE

__all__ = ["Example", "Row", "read_example", "require_sound_answer"]

#: what a recogniser predicts, see `Prediction.to_row`
Row = Mapping[str, object]

_INPUT_FILE = "input_example.json"
_SAMPLE_RATE = 16_000


@dataclass(frozen=True)
class Example:
    """A clip that a version is tried on.

    Args:
        media: its content
        row: the recorded answer; None for a version that was registered without one
    """

    media: bytes
    row: Row | None


def read_example(folder: Path) -> Example:
    """Return the example among a version's files; a tone where it has none.

    Raises:
        AvemoError: it cannot be read
    """
    recorded, example_input = folder / EXAMPLE_FILE, folder / _INPUT_FILE
    try:
        row = json.loads(recorded.read_text(encoding="utf-8")) if recorded.exists() else None
        media = _tone()
        if example_input.exists():
            table = json.loads(example_input.read_text(encoding="utf-8"))
            media = base64.b64decode(table["data"][0][0])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise AvemoError(f"its example cannot be read: {error}") from None
    return Example(media, row)


def require_sound_answer(row: Row, recorded: Row | None) -> None:
    """Refuse an answer that is none, or is not the recorded one.

    Args:
        row: the answer
        recorded: what the version answered when it was registered

    Raises:
        AvemoError: a probability is no number, their sum is not 1, or one differs by too much
    """
    probabilities = Prediction.from_row(row).probabilities
    if not all(math.isfinite(value) for value in probabilities.values()):
        raise AvemoError("it answers its example with what is no number")
    if probabilities and abs(sum(probabilities.values()) - 1) > 0.01:
        raise AvemoError(f"its probabilities add up to {sum(probabilities.values()):.3f}, not to 1")
    if not probabilities and not row["finding"]:
        raise AvemoError("it answers its example without probabilities")
    if recorded is None:
        return
    expected = Prediction.from_row(recorded).probabilities
    if row["finding"] != recorded["finding"] or probabilities.keys() != expected.keys():
        raise AvemoError(
            f"it answers its example with {row['finding'] or row['emotion']}, recorded is "
            f"{recorded['finding'] or recorded['emotion']}"
        )
    difference = max(
        (abs(value - expected[name]) for name, value in probabilities.items()), default=0.0
    )
    if difference > TOLERANCE:
        raise AvemoError(
            f"it does not answer its example as recorded: a probability differs by {difference:.2g}"
        )


def _tone() -> bytes:
    """Return a WAV file of a second of a voice-like tone."""
    samples = array(
        "h",
        (
            round(
                4000
                * math.sin(math.pi * place / _SAMPLE_RATE)
                * sum(math.sin(2 * math.pi * 140 * k * place / _SAMPLE_RATE) / k for k in (1, 2, 3))
            )
            for place in range(_SAMPLE_RATE)
        ),
    )
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, _SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return content.getvalue()
