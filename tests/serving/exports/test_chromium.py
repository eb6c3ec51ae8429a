"""A browser reads WebVTT as it was written, by `<track>`."""

import json
import re
import shutil
import subprocess
import threading
from dataclasses import replace
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from helpers.timelines import CONTEXT, ROWS

from avemo.inference.timeline_row import TimelineRow
from avemo.serving.exports import write_timeline

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]
PAGE = """<!doctype html><video>
<track kind="metadata" src="a.vtt"><track kind="chapters" src="a.chapters.vtt">
</video><pre></pre><script>
const tracks = [...document.querySelectorAll("track")];
let waiting = tracks.length;
for (const track of tracks) {
  track.onload = () => {
    if (--waiting) return;
    document.querySelector("pre").textContent = JSON.stringify(tracks.map((track) =>
      [...track.track.cues].map((cue) => [cue.startTime, cue.endTime, cue.text])));
  };
  track.track.mode = "hidden";
}
</script>"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *values: object) -> None:
        pass


def test_cues_of_both_kinds(tmp_path: Path) -> None:
    folder = tmp_path / "page"
    context = replace(CONTEXT, file='100 % --> "Übung"\n.mp4')
    write_timeline(ROWS, "vtt", folder / "a.vtt", context=context)
    one_track = [row for row in ROWS if row.track == 0]
    write_timeline(one_track, "chapters", folder / "a.chapters.vtt", context=context)
    (folder / "index.html").write_text(PAGE)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [
            str(CHROMIUM),
            *("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"),
            *("--virtual-time-budget=10000", "--dump-dom"),
            f"http://127.0.0.1:{server.server_port}/index.html",
        ]
        dom = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
        server.shutdown()
    match = re.search("<pre>(.+?)</pre>", dom, re.DOTALL)
    assert match, dom
    metadata, chapters = json.loads(unescape(match[1]))
    rows = sorted(ROWS, key=lambda row: row.span)
    assert [TimelineRow.from_dict(json.loads(text)) for _, _, text in metadata] == rows
    assert [start for start, _, _ in metadata] == [0, 1, 1.001, 2, 3, 4]
    assert chapters == [[0, 2, "happy"], [3, 4, "not sure"], [4, 4.667, "sad"]]
