import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import avemo
from avemo.baselines.published import SYSTEMS
from avemo.cli import main
from avemo.media.sound import write_wav

CHECKOUT = Path(__file__).parents[1]
# what typer itself imports, pydantic among it, is not counted
HEAVY = {
    "tensorflow",
    "keras",
    "mlflow",
    "cv2",
    "pandas",
    "numpy",
    "av",
    "librosa",
    "requests",
}

COMMANDS = [
    "predict",
    "speaker",
    "watch",
    "faces",
    "expression",
    "status",
    "corpus",
    "assets",
    "baselines",
    "repro",
    "search",
    "evaluate",
    "report",
    "compare",
    "lineage",
    "rebuild",
    "registry",
    "runs",
]

LOADED = """
import sys
from avemo.cli import main
code = main(sys.argv[1:])
print("\\n" + ",".join(sorted({name.partition(".")[0] for name in sys.modules})))
sys.exit(code)
"""


@pytest.fixture(autouse=True)
def no_forced_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some CI systems ask for colours where there is no terminal."""
    for name in ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("typer.rich_utils.FORCE_TERMINAL", None)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in which nothing has been run yet."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copyfile(CHECKOUT / name, folder / name)
    return folder


def run_avemo(project: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")} | variables
    return subprocess.run(
        [sys.executable, "-m", "avemo.cli", *arguments],
        cwd=CHECKOUT,
        env=environment | {"AVEMO_ROOT": str(project)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["predict", "--help"],
        ["corpus", "fetch", "--help"],
        ["baselines", "run", "--help"],
        ["search", "--help"],
        ["report", "--help"],
        ["no"],
    ],
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    command = [sys.executable, "-c", LOADED, *arguments]
    process = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    loaded = set(process.stdout.splitlines()[-1].split(","))
    assert "avemo" in loaded
    assert loaded & HEAVY == set()
    assert process.returncode == (2 if arguments == ["no"] else 0)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.strip("│ ").partition(" ")[0] for line in lines]
    assert set(COMMANDS) <= set(names)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_with_no_escape_codes(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"Usage: avemo {command}" in out
    assert "\x1b" not in out


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"avemo {avemo.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no"],
        ["predict"],
        ["corpus"],
        ["assets"],
        ["assets", "no"],
        ["status", "--no"],
        ["baselines"],
        ["baselines", "run"],
        ["baselines", "run", "rnn"],
        ["search"],
        ["search", "smell"],
        ["search", "audio", "--workers", "0"],
        ["search", "audio", "--workers", "two"],
        ["report", "--no"],
        ["lineage"],
        ["registry", "rollback"],
        ["registry", "copy", "models:/avemo-audio@champion"],
    ],
)
def test_a_wrong_command_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: avemo")
    assert err.splitlines()[-1].startswith("avemo: ")


def test_a_mistyped_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["statu"]) == 2
    assert capsys.readouterr().err.endswith("No such command 'statu'. Did you mean 'status'?\n")


@pytest.mark.slow
def test_the_shell_completes_commands_and_names(project: Path) -> None:
    def completions(words: str) -> list[str]:
        environment = {"_AVEMO_COMPLETE": "complete_bash", "COMP_WORDS": words}
        environment["COMP_CWORD"] = str(words.count(" "))
        return run_avemo(project, **environment).stdout.split()

    expected = ["record", "replay", "repro", "report", "registry", "rebuild"]
    assert completions("avemo re") == expected
    assert completions("avemo baselines run ls") == ["lstm"]
    assert completions("avemo search v") == ["visual"]


@pytest.mark.slow
def test_a_reader_that_hangs_up_is_no_error(project: Path) -> None:
    command = [sys.executable, "-m", "avemo.cli", "status", "--json"]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        process = subprocess.run(
            command,
            cwd=CHECKOUT,
            env=os.environ | {"AVEMO_ROOT": str(project)},
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (process.returncode, process.stderr) == (141, "")


@pytest.mark.slow
def test_missing_files_are_one_line_each(project: Path) -> None:
    process = run_avemo(project, "predict", "a.wav", "b.mp4")
    assert process.returncode == 1
    assert process.stdout == ""
    first, second, last = process.stderr.splitlines()
    assert first.startswith("a.wav: unreadable: ")
    assert second.startswith("b.mp4: unreadable: ")
    assert last == "avemo: 0 answered, 2 could not be"


@pytest.mark.slow
def test_a_missing_file_for_machines(project: Path) -> None:
    process = run_avemo(project, "predict", "--json", "a.wav")
    assert (process.returncode, process.stderr) == (1, "")
    (line,) = process.stdout.splitlines()
    fields = json.loads(line)
    assert (fields["file"], fields["finding"], fields["emotion"]) == ("a.wav", "unreadable", "")


@pytest.mark.slow
def test_a_clip_where_no_model_is_registered(project: Path, tmp_path: Path) -> None:
    tone = 0.5 * np.sin(np.arange(16000) / 10)
    write_wav(tmp_path / "a.wav", tone, 16000)
    process = run_avemo(project, "predict", str(tmp_path / "a.wav"))
    assert (process.returncode, process.stdout) == (1, "")
    *activities, line = process.stderr.splitlines()
    assert all(activity.endswith("…") for activity in activities), "what takes long is named"
    assert line.startswith("avemo: no model is registered")
    assert "dvc repro" in line


def test_status_of_a_project_where_nothing_has_been_run(project: Path) -> None:
    process = run_avemo(project, "status")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.count("none yet") == 6


def test_the_study_s_systems_before_any_was_run(project: Path) -> None:
    process = run_avemo(project, "baselines", "list")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.count("not run") == len(SYSTEMS)
    (row,) = (line for line in process.stdout.splitlines() if line.startswith("lstm  "))
    assert row.split()[:7] == ["lstm", "66", "%", "67", "%", "75", "%"]


@pytest.mark.parametrize(
    ("arguments", "command_line"),
    [
        (["baselines", "run", "lstm", "cnn"], "dvc repro baselines@lstm baselines@cnn"),
        (["repro"], "dvc repro"),
        (["repro", "train@audio"], "dvc repro train@audio"),
        (["search", "audio", "fused"], "dvc repro search@audio search-fused"),
        (["search", "visual", "--workers", "3"], "AVEMO_SEARCH_WORKERS=3 dvc repro search@visual"),
    ],
)
def test_the_dvc_command_is_shown_and_run(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    command_line: str,
) -> None:
    executed: list[Any] = []
    for name in ("openface", "study", ".dvc"):
        (project / name).mkdir()
    shutil.copyfile(CHECKOUT / "study" / "dvc.yaml", project / "study" / "dvc.yaml")
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)

    def execve(*command: object) -> None:
        executed.extend(command)
        raise SystemExit

    monkeypatch.setattr("os.execve", execve)
    monkeypatch.setattr("os.chdir", lambda folder: None)
    monkeypatch.setenv("AVEMO_ROOT", str(project))
    with pytest.raises(SystemExit):
        main(arguments)
    folder = project / "study" if "baselines" in arguments else project
    assert capsys.readouterr().out.splitlines()[0] == f"{command_line}, in {folder.resolve()}"
    _, command, environment = executed
    assert command_line.endswith(" ".join(command[2:]))
    assert environment.get("AVEMO_SEARCH_WORKERS") == ("3" if "--workers" in arguments else None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report"], "nothing is published in results/audio: run the stages (dvc repro in study)"),
        (["report", "--keep"], "no stage is finished here"),
    ],
)
def test_a_report_of_nothing(project: Path, arguments: list[str], message: str) -> None:
    process = run_avemo(project, *arguments)
    assert (process.returncode, process.stdout) == (1, "")
    (line,) = process.stderr.splitlines()
    assert line.startswith(f"avemo: {message}")
    assert not (project / "docs").exists()


def test_outside_any_project(tmp_path: Path) -> None:
    process = run_avemo(tmp_path, "status")
    assert (process.returncode, process.stdout) == (1, "")
    assert len(process.stderr.splitlines()) == 1
    assert "AVEMO_ROOT" in process.stderr
