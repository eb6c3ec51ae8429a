"""Run commands in forks of one process that has imported what they need; see `forkserver`.

To start `avemo` or `dvc` anew takes longer than what it does: MLflow's import is most of it. This
program is run with the library of faults preloaded, and by itself: it may import nothing of
`faults`. It reads a request a line from its input, a JSON object with `command`, `folder`,
`environment` and `output`, and answers with three lines: the command's process, its exit code, and
the seconds of processor time that it and its own processes took.
"""

import ctypes
import json
import os
import sys
from importlib import import_module
from importlib.metadata import entry_points

#: what the commands would import, the slowest first
_MODULES = (
    "mlflow.pyfunc",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "dvc.cli",
    "dvc.repo",
    "avemo.cli.registry",
    "avemo.cli.runs",
    "avemo.registry.copy",
    "avemo.registry.promote",
    "avemo.tracking.spool",
)


def _serve() -> None:
    """Answer requests until there are no more; return in each fork, to run its command."""
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _begin(**request)
            return
        _answer(child)
        _, status, usage = os.wait4(child, 0)
        _answer(os.waitstatus_to_exitcode(status))
        _answer(usage.ru_utime + usage.ru_stime)
    sys.exit()


def _answer(number: float) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _begin(command: list[str], folder: str, environment: dict[str, str], output: str) -> None:
    """Let this fork be the command's process: its group, folder, environment and streams."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    files = (os.open(os.devnull, os.O_RDONLY), os.open(output, os.O_WRONLY | os.O_CREAT, 0o644))
    for source, target in zip((*files, files[-1]), range(3), strict=True):
        os.dup2(source, target)
    sys.argv[:] = command
    ctypes.CDLL(None).faults_begin()


if __name__ == "__main__":
    from avemo.quiet import import_tensorflow_quietly
    from avemo.tracking.store import quieten_mlflow

    quieten_mlflow()
    import_tensorflow_quietly()
    for module in _MODULES:
        import_module(module)
    _serve()
    (script,) = entry_points(group="console_scripts", name=sys.argv[0])
    sys.exit(script.load()())
