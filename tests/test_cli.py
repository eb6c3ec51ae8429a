import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

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

COMMANDS = ("predict", "faces", "expression", "status", "corpus", "assets", "baselines", "search")
COMMANDS += ("report", "compare", "lineage", "rebuild", "registry", "runs")

LOADED = """
import sys
from avemo.cli import main
code = main(sys.argv[1:])
print("\\n" + ",".join(sorted({name.partition(".")[0] for name in sys.modules})))
sys.exit(code)
"""


@pytest.fixture
def project(tmp_path):
    """A project in which nothing has been run yet."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copyfile(CHECKOUT / name, folder / name)
    return folder


def avemo_in(project, *arguments, **variables):
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
def test_help_loads_nothing_heavy(arguments):
    command = [sys.executable, "-c", LOADED, *arguments]
    ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    loaded = set(ended.stdout.splitlines()[-1].split(","))
    assert "avemo" in loaded
    assert loaded & HEAVY == set()
    assert ended.returncode == (2 if arguments == ["no"] else 0)


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.strip("│ ").partition(" ")[0] for line in lines]
    assert set(COMMANDS) <= set(names)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help(command, capsys):
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"Usage: avemo {command}" in out
    assert "\x1b" not in out


def test_the_version(capsys):
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
def test_a_wrong_command_is_refused(arguments, capsys):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: avemo")
    assert err.splitlines()[-1].startswith("avemo: ")


def test_a_mistyped_command_gets_a_suggestion(capsys):
    assert main(["statu"]) == 2
    assert capsys.readouterr().err.endswith("No such command 'statu'. Did you mean 'status'?\n")


def test_the_shell_completes_commands_and_names(project):
    def completions(words):
        environment = {"_AVEMO_COMPLETE": "complete_bash", "COMP_WORDS": words}
        environment["COMP_CWORD"] = str(words.count(" "))
        return avemo_in(project, **environment).stdout.split()

    assert completions("avemo re") == ["report", "registry", "rebuild"]
    assert completions("avemo baselines run ls") == ["lstm"]
    assert completions("avemo search v") == ["visual"]


def test_a_reader_that_hangs_up_is_no_error(project):
    command = [sys.executable, "-m", "avemo.cli", "status", "--json"]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        ended = subprocess.run(
            command,
            cwd=CHECKOUT,
            env=os.environ | {"AVEMO_ROOT": str(project)},
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (ended.returncode, ended.stderr) == (141, "")


def test_missing_files_are_one_line_each(project):
    ended = avemo_in(project, "predict", "a.wav", "b.mp4")
    assert ended.returncode == 1
    assert ended.stdout == ""
    first, second, last = ended.stderr.splitlines()
    assert first.startswith("a.wav: unreadable: ")
    assert second.startswith("b.mp4: unreadable: ")
    assert last == "avemo: 0 answered, 2 could not be"


def test_a_missing_file_for_machines(project):
    ended = avemo_in(project, "predict", "--json", "a.wav")
    assert (ended.returncode, ended.stderr) == (1, "")
    (line,) = ended.stdout.splitlines()
    found = json.loads(line)
    assert (found["file"], found["finding"], found["emotion"]) == ("a.wav", "unreadable", "")


def test_a_clip_where_no_model_is_registered(project, tmp_path):
    tone = 0.5 * np.sin(np.arange(16000) / 10)
    write_wav(tmp_path / "a.wav", tone, 16000)
    ended = avemo_in(project, "predict", str(tmp_path / "a.wav"))
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("avemo: no model is registered")
    assert "dvc repro" in line


def test_status_of_a_project_where_nothing_has_been_run(project):
    ended = avemo_in(project, "status")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("none yet") == 6


def test_the_study_s_systems_before_any_was_run(project):
    ended = avemo_in(project, "baselines", "list")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("not run") == len(SYSTEMS)
    (row,) = (line for line in ended.stdout.splitlines() if line.startswith("lstm  "))
    assert row.split()[:7] == ["lstm", "66", "%", "67", "%", "75", "%"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["baselines", "run", "lstm", "cnn"], "dvc repro baselines@lstm baselines@cnn"),
        (["search", "audio", "fused"], "dvc repro search@audio search-fused"),
        (["search", "visual", "--workers", "3"], "AVEMO_SEARCH_WORKERS=3 dvc repro search@visual"),
    ],
)
def test_what_dvc_runs_is_said(project, monkeypatch, capsys, arguments, said):
    became = []

    def become(*command):
        became.extend(command)
        raise SystemExit

    monkeypatch.setattr("os.execve", become)
    monkeypatch.setattr("os.chdir", lambda folder: None)
    monkeypatch.setenv("AVEMO_ROOT", str(project))
    with pytest.raises(SystemExit):
        main(arguments)
    folder = project / "study" if "baselines" in arguments else project
    assert capsys.readouterr().out.splitlines()[0] == f"{said}, in {folder.resolve()}"
    _, command, environment = became
    assert said.endswith(" ".join(command[2:]))
    assert environment.get("AVEMO_SEARCH_WORKERS") == ("3" if "--workers" in arguments else None)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["report"], "nothing is published in results/audio: run the stages (dvc repro in study)"),
        (["report", "--keep"], "no stage is finished here"),
    ],
)
def test_a_report_of_nothing(project, arguments, what):
    ended = avemo_in(project, *arguments)
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"avemo: {what}")
    assert not (project / "docs").exists()


def test_outside_any_project(tmp_path):
    ended = avemo_in(tmp_path, "status")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert len(ended.stderr.splitlines()) == 1
    assert "AVEMO_ROOT" in ended.stderr
