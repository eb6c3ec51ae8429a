import io
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pytest
import yaml
from filelock import FileLock
from helpers.zenodo_server import (
    RECORD,
    SONG,
    SPEECH,
    VIDEO,
    Handler,
    Server,
    packed,
    recordings,
    refuse,
)

from avemo import paths
from avemo.cli import main
from avemo.config import load_settings
from avemo.corpus.archives import record, zenodo
from avemo.corpus.archives.zenodo import fetch, list_archives
from avemo.corpus.folder import list_recordings
from avemo.errors import CorpusError
from avemo.settings import Zenodo
from pipelines.fetch import main as fetch_stage

CHECKOUT = Path(__file__).parents[3]


def make_settings(**changes: object) -> Zenodo:
    settings = {
        "record": RECORD,
        "modalities": ["audio"],
        "channels": ["speech"],
        "actors": "all",
        "parallel": 2,
        "keep_archives": False,
    }
    return Zenodo.model_validate(settings | changes)


def read_files(folder: Path) -> dict[str, bytes]:
    """Every visible file under a folder."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.name[0] != ".")
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def list_files(root: Path) -> set[str]:
    """What lies beside the unpacked folders."""
    names = (path.name for path in (root / zenodo.FOLDER).iterdir() if path.name != ".lock")
    return {name for name in names if name != f"record-{RECORD}.json"}


def assert_refused(root: Path, message: str, **changes: object) -> str:
    with pytest.raises(CorpusError, match=message) as error:
        fetch(root, make_settings(**changes))
    assert "\n" not in str(error.value)
    return str(error.value)


# which archives


def test_fetched_and_unpacked_as_published(tmp_path: Path, server: Server) -> None:
    folders = fetch(tmp_path, make_settings(modalities=["audio", "video"], actors=[2]))
    assert [folder.name for folder in folders] == [SPEECH, VIDEO]
    wanted = {name: data for name, data in recordings(SPEECH).items() if "Actor_02" in name}
    assert read_files(folders[0]) == wanted
    assert read_files(folders[1]) == recordings(VIDEO)
    assert list_files(tmp_path) == {SPEECH, VIDEO}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"channels": ["speech", "song", "speech"]}, [SPEECH, SONG]),
        ({"modalities": ["video"], "actors": [3, 2]}, [VIDEO, "Video_Speech_Actor_03"]),
        (
            {"modalities": ["video"], "channels": ["song"], "actors": [17, 18, 19]},
            ["Video_Song_Actor_17", "Video_Song_Actor_19"],
        ),
    ],
)
def test_the_choice_of_archives(changes: dict[str, object], names: list[str]) -> None:
    assert list(record._actors_by_archive(make_settings(**changes))) == names


def test_everything_is_49_archives() -> None:
    everything = make_settings(modalities=["audio", "video"], channels=["speech", "song"])
    assert len(record._actors_by_archive(everything)) == 2 + 24 + 23


def test_a_choice_that_holds_nothing(tmp_path: Path) -> None:
    assert_refused(tmp_path, "actor 18 has no song", channels=["song"], actors=[18])


def test_an_archive_that_the_record_lacks(tmp_path: Path, server: Server) -> None:
    message = assert_refused(
        tmp_path, "Video_Song_Actor_01", modalities=["video"], channels=["song"]
    )
    assert f"record {RECORD}" in message
    assert f"{SPEECH}.zip" in message


def test_a_record_of_another_kind(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "record", lambda: b'{"files": {"entries": {}}}')
    assert_refused(tmp_path, "does not know")


def test_an_answer_that_is_no_record(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "record", lambda: b"<html>")
    assert_refused(tmp_path, f"the list of record {RECORD} could not be fetched")


def test_the_listing_moves_nothing(tmp_path: Path, server: Server) -> None:
    archives = list_archives(tmp_path, make_settings(channels=["speech", "song"]))
    assert zenodo.LICENCE in archives.title
    assert archives.rows[0] == (f"{SPEECH}.zip", "0.1 MB", "not here")
    assert re.fullmatch(
        r"0\.2 MB in all, 0\.2 MB to be fetched; .* needed, .* free in .*", archives.summary
    )
    assert server.times(SPEECH) == []
    assert list(tmp_path.iterdir()) == []


def test_the_listing_says_what_is_here(tmp_path: Path, server: Server) -> None:
    fetch(tmp_path, make_settings())
    (tmp_path / zenodo.FOLDER / f"{SONG}.zip").write_bytes(server.archives[SONG])
    archives = list_archives(tmp_path, make_settings(channels=["speech", "song"]))
    assert [state for _, _, state in archives.rows] == ["unpacked", "here"]


# what is here already


def test_what_is_unpacked_is_not_fetched_again(tmp_path: Path, server: Server) -> None:
    assert fetch(tmp_path, make_settings()) == fetch(tmp_path, make_settings())
    assert len(server.times(SPEECH)) == 1


def test_other_actors_are_noticed(tmp_path: Path, server: Server) -> None:
    fetch(tmp_path, make_settings(actors=[1]))
    (folder,) = fetch(tmp_path, make_settings(actors=[1, 2]))
    assert read_files(folder) == recordings(SPEECH)
    assert len(server.times(SPEECH)) == 2


def test_a_changed_archive_is_noticed(tmp_path: Path, server: Server) -> None:
    fetch(tmp_path, make_settings())
    server.archives[SPEECH] = packed({"Actor_01/new.wav": b"new"})
    (folder,) = fetch(tmp_path, make_settings())
    assert read_files(folder) == {"Actor_01/new.wav": b"new"}


def test_an_archive_that_is_kept_is_not_fetched_again(tmp_path: Path, server: Server) -> None:
    fetch(tmp_path, make_settings(actors=[1], keep_archives=True))
    assert list_files(tmp_path) == {SPEECH, f"{SPEECH}.zip"}
    (folder,) = fetch(tmp_path, make_settings())
    assert read_files(folder) == recordings(SPEECH)
    assert len(server.times(SPEECH)) == 1
    assert list_files(tmp_path) == {SPEECH}


def test_a_damaged_archive_that_is_here_is_fetched_again(tmp_path: Path, server: Server) -> None:
    (tmp_path / zenodo.FOLDER).mkdir(parents=True)
    (tmp_path / zenodo.FOLDER / f"{SPEECH}.zip").write_bytes(b"damaged")
    (folder,) = fetch(tmp_path, make_settings())
    assert read_files(folder) == recordings(SPEECH)


def test_without_a_network_what_is_here_will_do(
    tmp_path: Path,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (folder,) = fetch(tmp_path, make_settings())
    monkeypatch.setenv(record.ORIGIN, "http://127.0.0.1:1")
    assert fetch(tmp_path, make_settings()) == [folder]
    assert "cannot be reached: going on with its last answer" in caplog.text
    assert_refused(tmp_path, "Connection refused", channels=["song"])


def test_without_a_network_and_anything_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(record.ORIGIN, "http://127.0.0.1:1")
    assert record.ORIGIN in assert_refused(tmp_path, "Connection refused")


# a network that fails


@pytest.mark.parametrize(
    ("faults", "requests"),
    [
        ([Handler.cut], 2),
        ([Handler.cut] * 3, 4),
        ([Handler.stall], 2),
        ([Handler.silent], 2),
        ([Handler.compressed], 1),
        ([Handler.wrong], 2),
        ([Handler.redirect], 2),
        ([Handler.short], 2),
        ([refuse(500), refuse(502)], 3),
    ],
    ids=[
        "cut",
        "cut-thrice",
        "stall",
        "silent",
        "compressed",
        "wrong",
        "redirect",
        "short",
        "busy",
    ],
)
def test_after_a_fault_the_archive_is_fetched_again(
    tmp_path: Path, server: Server, faults: list[Callable[[Handler], object]], requests: int
) -> None:
    server.faults[SPEECH] = list(faults)
    (folder,) = fetch(tmp_path, make_settings())
    assert read_files(folder) == recordings(SPEECH)
    assert len(server.times(SPEECH)) == requests
    assert list_files(tmp_path) == {SPEECH}


@pytest.mark.parametrize(("code", "form"), [(429, "seconds"), (503, "date")])
def test_a_server_that_asks_to_wait_is_waited_for(
    tmp_path: Path, server: Server, caplog: pytest.LogCaptureFixture, code: int, form: str
) -> None:
    # a date has whole seconds: two ahead is more than one
    wait = "1" if form == "seconds" else formatdate(time.time() + 2, usegmt=True)
    server.faults[SPEECH] = [refuse(code, wait)]
    fetch(tmp_path, make_settings())
    first, second = server.times(SPEECH)
    assert second - first >= 0.95
    assert "asks to wait" in caplog.text


def test_a_server_that_asks_to_wait_too_long_ends_it(tmp_path: Path, server: Server) -> None:
    server.faults[SPEECH] = [refuse(429, "3600")]
    assert_refused(tmp_path, f"{server.url} asks to wait 3600 s")
    assert len(server.times(SPEECH)) == 1


@pytest.mark.parametrize("code", [429, 503])
def test_a_server_that_never_has_time(tmp_path: Path, server: Server, code: int) -> None:
    server.faults[SPEECH] = [refuse(code)] * 10
    assert_refused(tmp_path, f"answered {code}")
    assert len(server.times(SPEECH)) == 1 + 3


def test_a_record_is_asked_for_again_too(tmp_path: Path, server: Server) -> None:
    server.faults[str(RECORD)] = [refuse(429), Handler.silent]
    fetch(tmp_path, make_settings())
    assert len(server.times(str(RECORD))) == 3


def test_an_archive_that_is_missing(tmp_path: Path, server: Server) -> None:
    server.faults[SPEECH] = [refuse(404)]
    message = assert_refused(tmp_path, "answered 404")
    assert f"{SPEECH}.zip of record {RECORD}" in message
    assert len(server.times(SPEECH)) == 1


def test_a_record_that_is_missing(tmp_path: Path, server: Server) -> None:
    server.faults[str(RECORD)] = [refuse(404)]
    assert_refused(tmp_path, f"the list of record {RECORD} .* answered 404")


def test_finished_archives_outlive_the_failure_of_another(tmp_path: Path, server: Server) -> None:
    server.faults[SONG] = [refuse(404)]
    sequential = {"channels": ["speech", "song"], "parallel": 1}
    assert_refused(tmp_path, "answered 404", **sequential)
    assert list_files(tmp_path) == {SPEECH}
    fetch(tmp_path, make_settings(**sequential))
    assert len(server.times(SPEECH)) == 1


def test_attempts_are_bounded(tmp_path: Path, server: Server) -> None:
    server.faults[SPEECH] = [Handler.cut] * 50
    assert_refused(tmp_path, "broke off")
    assert len(server.times(SPEECH)) == 4
    assert list_files(tmp_path) == set()


def test_a_wrong_checksum_twice(tmp_path: Path, server: Server) -> None:
    server.faults[SPEECH] = [Handler.wrong] * 3
    message = assert_refused(tmp_path, "got md5 [0-9a-f]{32}, expected [0-9a-f]{32}")
    assert len(server.times(SPEECH)) == 2
    assert list_files(tmp_path) == set()
    assert SPEECH in message


def test_an_error_stops_the_others(tmp_path: Path, server: Server) -> None:
    server.delay_s = 0.02  # 1.6 s an archive
    server.faults[SPEECH] = [Handler.stall, refuse(404)]
    began = time.monotonic()
    assert_refused(tmp_path, "answered 404", channels=["speech", "song"])
    assert time.monotonic() - began < 1
    end = time.monotonic() + 5
    while list_files(tmp_path):  # the other thread meets the stop with its next chunk
        assert time.monotonic() < end
        time.sleep(0.01)


# archives that do harm, and disks that are full


def linked() -> bytes:
    member = zipfile.ZipInfo("Actor_01/a.wav")
    member.external_attr = 0o120777 << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as pack:
        pack.writestr(member, "/etc/passwd")
    return file.getvalue()


@pytest.mark.parametrize(
    "harmful",
    [
        packed({"Actor_01/a.wav": b"1", "../../../escaped.wav": b"2"}),
        packed({"/escaped.wav": b"1"}),
        packed({"..\\escaped.wav": b"1"}),
        packed({"bomb.wav": bytes(10_000_000)}),
        linked(),
        b"no archive at all",
    ],
    ids=["parent", "absolute", "backslash", "bomb", "link", "none"],
)
def test_an_archive_that_does_harm_leaves_nothing(
    tmp_path: Path, server: Server, harmful: bytes
) -> None:
    server.archives[SPEECH] = harmful
    root = tmp_path / "project"
    assert_refused(root, "no archive to unpack")
    assert list_files(root) == {f"{SPEECH}.zip"}
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


def test_an_archive_without_the_wanted_actors(tmp_path: Path, server: Server) -> None:
    assert_refused(tmp_path, "no recording of actors", actors=[7])
    assert list_files(tmp_path) == {f"{SPEECH}.zip"}


def test_a_disk_that_is_too_small_is_told_before_anything_moves(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 100_000})()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    message = assert_refused(tmp_path, r"0\.3 MB are needed and 0\.1 MB are free")
    assert str(tmp_path / zenodo.FOLDER) in message
    assert server.times(SPEECH) == []


# the command, and the stage


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copyfile(CHECKOUT / name, tmp_path / name)
    params = yaml.safe_load((tmp_path / "params.yaml").read_text())
    params["corpus"]["source"] = "zenodo"
    params["corpus"]["zenodo"] |= {"record": RECORD, "channels": ["speech"]}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.setenv(paths.ROOT, str(tmp_path))
    return tmp_path


def test_the_command(checkout: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", "fetch", "--list"]) == 0
    assert "not here" in capsys.readouterr().out
    assert server.times(SPEECH) == []
    assert main(["corpus", "fetch"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-2] == "archives fetched and unpacked: 1 (0.1 MB); here already: 0"
    assert out[-1] == "next: dvc repro"


def test_the_command_says_an_error_in_one_line(
    checkout: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.faults[str(RECORD)] = [refuse(404)]
    assert main(["corpus", "fetch"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("avemo: the list of record")


def test_the_stage_links_what_was_chosen(checkout: Path, server: Server) -> None:
    fetch(checkout, make_settings(modalities=["video"], actors=[2]))  # here, and not settings
    settings = load_settings(checkout)
    fetch_stage(paths.Project(checkout), settings)
    raw = checkout / "data" / "raw"
    assert read_files(raw) == {
        f"{SPEECH}/{name}": data for name, data in recordings(SPEECH).items()
    }
    assert all(file.stat().st_nlink == 2 for file in list_recordings(raw))


def test_a_second_process_waits_for_the_first(
    tmp_path: Path, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / zenodo.FOLDER
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"):
        second = threading.Thread(target=fetch, args=(tmp_path, make_settings()))
        second.start()
        time.sleep(0.3)
        assert server.requests == []
    second.join(5)
    assert len(server.times(SPEECH)) == 1
    assert "another process is fetching" in caplog.text


def start_command() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "avemo.cli", "corpus", "fetch"]
    return subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env=os.environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_for_bytes(folder: Path, process: subprocess.Popen[str]) -> Path:
    """Return the file that an archive is written to, once a few chunks are in it."""
    end = time.monotonic() + 20
    while True:
        for file in folder.glob(f".{SPEECH}.zip.*.part"):
            if file.stat().st_size > 150_000:
                return file
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_command_starts_its_archive_anew(
    checkout: Path, server: Server, how: signal.Signals
) -> None:
    members = {f"Actor_01/03-01-05-01-01-0{take}-01.wav": os.urandom(300_000) for take in (1, 2)}
    server.archives[SPEECH] = packed(members)
    server.delay_s = 0.003  # 1.8 s for the whole
    archives = checkout / zenodo.FOLDER
    first = start_command()
    wait_for_bytes(archives, first)
    first.send_signal(how)
    _, err = first.communicate(timeout=5)
    assert first.returncode == (-how if how == signal.SIGKILL else 1)
    assert "Traceback" not in err
    if how == signal.SIGINT:
        assert "avemo: stopped; the same command picks up from here" in err
    assert not (archives / SPEECH).exists()

    server.delay_s = 0
    second = start_command()
    out, err = second.communicate(timeout=20)
    assert second.returncode == 0, err
    assert list_files(checkout) == {SPEECH}
    assert read_files(archives / SPEECH) == members
    assert "next: dvc repro" in out
