"""OpenSSF's own tool, where it is installed."""

import os
import subprocess
import sys

import pytest

__all__ = ["stock_tool"]

#: names an environment with `model-signing`, where this one's does not start
_ENVIRONMENT = "AVEMO_MODEL_SIGNING"


def stock_tool() -> list[str]:
    """Return the tool's command; skip the test where it is not installed, or does not start."""
    environment = os.environ.get(_ENVIRONMENT)
    pythons = [f"{environment}/bin/python"] * bool(environment) + [sys.executable]
    for python in pythons:
        command = [python, "-m", "model_signing"]
        tried = subprocess.run([*command, "--help"], capture_output=True, check=False)
        if tried.returncode == 0:
            return command
    pytest.skip(f"model-signing does not start; {_ENVIRONMENT} names an environment that has it")
