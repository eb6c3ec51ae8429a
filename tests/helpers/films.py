"""A small film without a face."""

from pathlib import Path

import av
import numpy as np
from helpers.sounds import voice


def write_film(file: Path, *, sound: bool = True) -> Path:
    """Write a second of a voice, before a grey wall."""
    with av.open(str(file), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        if sound:
            audio = container.add_stream("pcm_s16le", rate=16000, layout="mono")
            samples = (voice(16000) * 32767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = 16000
            container.mux([*audio.encode(frame), *audio.encode()])
        for _ in range(25):
            wall = np.full((48, 64, 3), 128, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(wall, format="rgb24")))
        container.mux(video.encode())
    return file
