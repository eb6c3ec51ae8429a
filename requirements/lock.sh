#!/bin/sh
# Pins every dependency, with hashes and without addresses. Needs uv, which it puts aside for itself.
set -eu

tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
python3 -m venv "$tool"
"$tool/bin/pip" --quiet --disable-pip-version-check install uv

compile() {
    "$tool/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --fork-strategy fewest --no-emit-index-url --no-emit-find-links --no-annotate \
        --custom-compile-command "make lock" "$@"
}
compile --extra dev --extra docs --extra ray --extra serve --extra server --extra signing pyproject.toml --output-file requirements.lock
version=$(sed -n 's/^opencv-python==\([^ ]*\).*/\1/p' requirements.lock)
echo "opencv-python-headless==$version" | compile --no-deps - --output-file requirements/headless.lock
compile --constraint requirements.lock deploy/server.in --output-file deploy/server.lock
compile --constraint requirements.lock deploy/service.in --output-file deploy/service.lock
