import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from avemo.features.audio.dsp import librosa_import

ROOT = Path(__file__).parents[3]
PITCH = """
import numpy as np
from avemo.features.audio.dsp.librosa_import import import_librosa
sound = np.sin(np.arange(8000) / 10)
print(import_librosa().yin(sound, fmin=60, fmax=600, sr=16000, frame_length=1024).mean())
"""


def process(code: str, cache: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_several_at_once_on_a_new_machine_compile_once(tmp_path: Path) -> None:
    several = [process(PITCH, tmp_path) for _ in range(3)]
    said = {one.communicate()[0] for one in several}
    assert [one.returncode for one in several] == [0, 0, 0]
    assert len(said) == 1
    (mark,) = tmp_path.glob("*.compiled")
    after = [file.stat().st_mtime for file in tmp_path.rglob("*.nb?")]
    assert after
    assert max(after) <= mark.stat().st_mtime


@pytest.mark.slow
def test_who_waited_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = librosa_import.import_librosa()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    mark = librosa_import._marker(library)
    with FileLock(mark.with_suffix(".lock")):
        waiting = process(
            "from avemo.features.audio.dsp.librosa_import import import_librosa; import_librosa()",
            tmp_path,
        )
        time.sleep(4)  # until it waits
        assert waiting.poll() is None
        mark.touch()
    assert waiting.wait() == 0
    assert not list(tmp_path.rglob("*.nb?"))


@pytest.mark.slow
def test_where_the_environment_is_read_only_the_mark_is_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = librosa_import.import_librosa()
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("AVEMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert librosa_import._marker(library).parent == tmp_path / "cache" / "numba"
