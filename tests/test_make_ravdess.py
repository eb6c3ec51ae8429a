"""`make ravdess` with real recordings, from a server on this machine; killed, and typed again."""

import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from helpers.checkout import ROOT, Checkout
from helpers.zenodo_server import SPEECH, Server, serving

RECORDINGS = ROOT / "../shared/ravdess"
ACTORS = [1, 2, 3, 4, 5, 6]

pytestmark = [pytest.mark.slow, pytest.mark.real]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """The archive of six actors' speech: of each emotion the first statement, once."""
    if not (RECORDINGS / "lay_out.py").is_file():
        pytest.skip("needs ../shared/ravdess")
    chosen = ["--channels", "speech", "--actors", *map(str, ACTORS)]
    command = [sys.executable, str(RECORDINGS / "lay_out.py"), str(tmp_path), *chosen]
    subprocess.run(command, check=True, capture_output=True)
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted((tmp_path / SPEECH).rglob("03-01-*-*-01-01-*.wav")):
            archive.write(file, file.relative_to(tmp_path / SPEECH))
    with serving() as running:
        running.archives = {SPEECH: content.getvalue()}
        yield running


@pytest.fixture
def checkout(tmp_path: Path, server: Server) -> Checkout:
    """A project with short trainings, of these actors' speech."""
    small = Checkout(tmp_path / "project")
    small.env["AVEMO_ZENODO_ORIGIN"] = server.url
    small.set("corpus.zenodo.channels", ["speech"])
    small.set("corpus.zenodo.actors", ACTORS)
    small.set("extractors", {"mfcc": small.settings()["extractors"]["mfcc"]})
    small.set("search.audio.architectures", ["lstm"])
    small.set("search.audio.sampling_order", [])
    small.set("search.audio.fallback", [])
    small.set("search.audio.quick", {"trials": 2, "epochs": 2, "members": 1})
    return small


def make(checkout: Checkout, stop_at: str = "") -> str:
    """Type `make ravdess`, kill it at a line of the output, and return the output."""
    # the environment of these tests, as it is
    ready = [f"VENV={sys.prefix}", f"--old-file={sys.prefix}/.ready"]
    process = subprocess.Popen(
        ["make", "ravdess", *ready],
        cwd=checkout.folder,
        env=checkout.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if stop_at and stop_at in line:
            os.killpg(process.pid, signal.SIGKILL)
            break
    code = process.wait()
    output = "".join(lines)
    assert code == (-signal.SIGKILL if stop_at else 0), output[-3000:]
    return output


def test_killed_and_typed_again_it_ends_with_a_registered_model(
    checkout: Checkout, server: Server
) -> None:
    settings = (checkout.folder / "params.yaml").read_text()
    first = make(checkout, stop_at="Running stage 'train@audio'")
    assert re.search(r"licence CC BY-NC-SA 4.0[^$]*to be fetched[^$]* free in ", first)
    assert re.search(r"\nall of it +\d+ min\n", first)
    assert first.index("all of it") < first.index("Running stage 'fetch'")
    second = make(checkout)
    assert "corpus.source is zenodo, as before" in second
    rerun = re.findall("Running stage '(.*)'", second)
    assert rerun[0] == "train@audio"
    assert not {"fetch", "audio-features", "search@audio"} & set(rerun)
    assert len(server.times(SPEECH)) == 1

    changed = settings.replace("source: sample", "source: zenodo")
    assert (checkout.folder / "params.yaml").read_text() == changed != settings
    assert re.search(r"\navemo-audio +1 +candidate, champion +zenodo +lstm +0\.\d+ \[", second)
    for modality in ("visual", "fused"):
        assert f"\navemo-{modality}: absent: " in second
    last = second[second.index("Next, after") :]
    assert re.search(r"avemo predict data/raw/\S+\.wav\n", last)
    assert "make ravdess VIDEO=1" in last
