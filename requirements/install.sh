#!/bin/sh
# Makes the environment: the locked packages, then avemo itself, linked to this checkout.
set -eu

echo "avemo: making the environment in $VENV (about 4 GB; a minute with uv, six with pip)"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "avemo: $("$PYTHON" --version) found, Python 3.11 or newer needed: make PYTHON=/path/to/python3.11" >&2
    exit 1
}
"$PYTHON" -m venv "$VENV" || {
    echo "avemo: python could not make an environment; on Debian: apt-get install python3-venv" >&2
    exit 1
}
if command -v uv >/dev/null; then
    install() { uv pip install --quiet --python "$VENV/bin/python" "$@"; }
    uninstall() { uv pip uninstall --quiet --python "$VENV/bin/python" "$@"; }
else
    echo "avemo: no uv here, which is several times as fast as pip: https://docs.astral.sh/uv"
    install() { "$VENV/bin/python" -m pip --disable-pip-version-check install --quiet "$@"; }
    uninstall() { "$VENV/bin/python" -m pip --disable-pip-version-check uninstall --quiet --yes "$@"; }
fi
install --require-hashes --requirement requirements.lock

# opencv-python wants libGL and GLib from the system. A server without a screen lacks them; there
# the same OpenCV without its windows takes its place.
if ! "$VENV/bin/python" -c 'import cv2' 2>/dev/null; then
    echo "avemo: no libGL or GLib here; taking opencv-python-headless, the same without windows"
    uninstall opencv-python
    install --require-hashes --no-deps --requirement requirements/headless.lock
fi
install --no-deps --no-build-isolation --editable .
echo "avemo: the environment is ready: . $VENV/bin/activate"
