"""A folder with two clips, beside what has the name of one and is none."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

import numpy as np

from avemo.media.sound import write_wav

__all__ = ["CLIPS", "SECRET", "UNUSABLE", "write_odd_folder"]

#: clips of RAVDESS's naming, one of them with bytes in its name that are no UTF-8
CLIPS = ("03-01-01-01-01-01-01.wav", os.fsdecode(b"\xff/03-01-02-01-01-01-02.wav"))
#: each costs a line and no more
UNUSABLE = (
    "dangling.wav",
    "device.wav",
    "directory.mp4",
    "empty.wav",
    "loop.wav",
    "memory.wav",
    "notes\n.wav",
    os.fsdecode(b"notes \xfe.wav"),
    "pipe.wav",
    "socket.wav",
)
#: what stands in a file that is no clip, and in no message
SECRET = "a secret"


def write_odd_folder(folder: Path) -> None:
    """Write the folder, which must not exist."""
    for number, name in enumerate(CLIPS):
        (folder / name).parent.mkdir(parents=True)
        write_wav(folder / name, np.sin(np.arange(16000) / (9 + number)) / 2, 16000)
    (folder / "dangling.wav").symlink_to("nowhere")
    (folder / "loop.wav").symlink_to("loop.wav")
    (folder / "device.wav").symlink_to("/dev/zero")
    (folder / "memory.wav").symlink_to("/proc/self/mem")  # a file that no one can read
    (folder / "directory.mp4").mkdir()
    (folder / "empty.wav").touch()
    for name in UNUSABLE:
        if name.startswith("notes"):
            (folder / name).write_text(SECRET)
    os.mkfifo(folder / "pipe.wav")
    with socket.socket(socket.AF_UNIX) as bound, contextlib.chdir(folder):  # its path may be long
        bound.bind("socket.wav")
