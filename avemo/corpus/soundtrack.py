"""Sound of audio-video recordings, for performances without an audio-only recording."""

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from .. import engine
from ..media.sound import read_sound_blocks, write_wav
from .selection import select_sound_sources

__all__ = ["SAMPLE_RATE", "locate_sound", "write"]

SAMPLE_RATE = 16_000


def write(catalogue: pd.DataFrame, raw: Path, target: Path) -> int:
    """Write `RECORDING.wav` (16 kHz, mono, 16 bit) for each performance that needs one.

    Returns:
        how many files were written
    """
    target.mkdir(parents=True, exist_ok=True)
    missing = select_sound_sources(catalogue).query("modality == 1")
    write_one = partial(_write, raw=raw, target=target)
    items = list(zip(missing["path"], missing["recording"], strict=True))
    return sum(engine.run(write_one, items, title="soundtrack"))


def locate_sound(row: "pd.Series[Any]", raw: Path, soundtrack: Path) -> Path:
    """Return the file with the sound of a row of `selection.select_sound_sources`."""
    if row["modality"] == 1:
        return soundtrack / f"{row['recording']}.wav"
    return raw / str(row["path"])


def _write(item: tuple[str, str], *, raw: Path, target: Path) -> int:
    path, recording = item
    sound = read_sound_blocks(raw / path, SAMPLE_RATE)
    write_wav(target / f"{recording}.wav", sound, SAMPLE_RATE)
    return 1
