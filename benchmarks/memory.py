"""Peak memory on a long film, against a short one."""

import io
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from avemo.errors import AssetError
from avemo.pretrained import assets

RATE = 25
SHORT_S, LONG_S = 10, 600

WORK = """
import sys
from contextlib import suppress
from pathlib import Path
from avemo.errors import MediaError
from avemo.media.probe import probe
from avemo.faces import extract as faces
from avemo.features.registry import extractor_class
from avemo.features.run import extract_audio
from avemo.media.sound import blocks, write_wav
from avemo.config import load_settings

what, film, weights = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
settings = load_settings(Path("."))
if what == "measured":
    assert probe(film).has_sound
elif what == "faces":
    extraction = faces.Extraction(
        settings.faces.model_copy(update={"min_score": 0.0}), "scrfd_500m", weights.read_bytes()
    )
    with suppress(MediaError):  # noise is no face
        extraction(film, ["faces"])
elif what == "soundtrack":
    write_wav(film.with_suffix(".wav"), blocks(film, 16000), 16000)
else:
    audio = settings.extractors_of("audio")
    extractors = {name: extractor_class(name) for name in audio}
    light = {name: one(audio[name]) for name, one in extractors.items() if not one.weight_names}
    extract_audio(film, light)
(peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1])
"""


def bench(scratch: Path, given: Path | None) -> dict[str, Any]:
    """Each step that opens a film, in a process of its own."""
    short, long = (_film(scratch / f"{seconds}.mp4", seconds) for seconds in (SHORT_S, LONG_S))
    rows = []
    for what in ("measured", "faces", "soundtrack", "audio features"):
        weights = _weights() if what == "faces" else Path("-")
        if weights is None:
            continue
        small, large = _peak(what, short, weights), _peak(what, long, weights)
        rows.append(
            {
                "what": what,
                "ours": f"{large:.0f} MB",
                "other": f"{small:.0f} MB",
                "ratio": large / small,
                "wanted": "at most 1.1, under 700 MB",
            }
        )
    return {
        "about": f"Peak memory on a film of {LONG_S} s at 1280×720 with sound (made on the spot), "
        f"against one of {SHORT_S} s (other), each step in a process of its own.",
        "rows": rows,
        "limit": "Pictures, measures and soundtracks are streams. Audio features hold the sound at "
        "16 kHz and the features themselves: 4 MB and 2 MB a minute. Those with pretrained weights "
        "hold more, and are not among them.",
    }


def _weights() -> Path | None:
    try:
        return assets.get("scrfd_500m")
    except AssetError:
        return None


def _peak(what: str, film: Path, weights: Path) -> float:
    """In MB."""
    done = subprocess.run(
        [sys.executable, "-c", WORK, what, str(film), str(weights)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout.split()[-1]) / 1024


def _film(target: Path, seconds: int) -> Path:
    """Ten seconds of moving noise and a tone, again and again."""
    pictures = _encoded()
    with av.open(str(target), "w") as container:
        video = container.add_stream_from_template(pictures[0])
        sound = container.add_stream("aac", rate=48000, layout="mono")
        for again in range(seconds // SHORT_S):
            for pts, dts, key, content in pictures[1]:
                packet = av.Packet(content)
                packet.stream, packet.time_base = video, Fraction(1, RATE)
                packet.pts = pts + again * SHORT_S * RATE
                packet.dts = dts + again * SHORT_S * RATE
                packet.is_keyframe = key
                packet.duration = 1
                container.mux(packet)
            tone = np.sin(np.arange(SHORT_S * 48000) / 20).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(tone, format="flt", layout="mono")
            frame.sample_rate, frame.time_base = 48000, Fraction(1, 48000)
            frame.pts = again * SHORT_S * 48000
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return target


def _encoded() -> tuple[Any, list[tuple[int, int, bool, bytes]]]:
    """A stream, and its packets."""
    buffer = io.BytesIO()
    random = np.random.default_rng(0)
    base = random.integers(0, 255, (90, 160, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for index in range(SHORT_S * RATE):
            image = np.roll(base, 4 * index, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    buffer.seek(0)
    source = av.open(buffer)
    stream = source.streams.video[0]
    tick = stream.time_base * RATE
    packets = [
        (int(one.pts * tick), int(one.dts * tick), one.is_keyframe, bytes(one))
        for one in source.demux(stream)
        if one.dts is not None
    ]
    return stream, packets
