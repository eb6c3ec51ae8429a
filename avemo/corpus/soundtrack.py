"""Sound out of audio-video recordings that have no audio-only recording beside them."""

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from .. import engine
from ..media.sound import read_sound_blocks, write_wav
from .manifest import sound_sources

__all__ = ["SAMPLE_RATE", "file_of", "write"]

SAMPLE_RATE = 16_000


def write(catalogue: pd.DataFrame, raw: Path, target: Path) -> int:
    """Write `RECORDING.wav` (16 kHz, mono, 16 bit) for each performance that needs one.

    Returns:
        how many were written
    """
    target.mkdir(parents=True, exist_ok=True)
    missing = sound_sources(catalogue).query("modality == 1")
    one = partial(_write, raw=raw, target=target)
    return sum(engine.run(one, list(missing["path"]), title="soundtrack"))


def file_of(row: "pd.Series[Any]", raw: Path, soundtrack: Path) -> Path:
    """Where the sound of a row of `catalogue.sounds` is read from."""
    if row["modality"] == 1:
        return soundtrack / f"{row['recording']}.wav"
    return raw / str(row["path"])


def _write(path: str, *, raw: Path, target: Path) -> int:
    sound = read_sound_blocks(raw / path, SAMPLE_RATE)
    write_wav(target / f"{Path(path).stem}.wav", sound, SAMPLE_RATE)
    return 1
