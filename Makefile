# make demo   the environment, the whole pipeline on the sample corpus, the three registered models
# make test   the environment, lint, types and every test
# make bench  the benchmarks, in docs/benchmarks.md (RECORDINGS=folder for RAVDESS's recordings)
# make lock   pin every dependency anew

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# MLflow sends telemetry unless told not to; without a network it costs time.
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := 1

.DEFAULT_GOAL := help
.PHONY: help env demo test lint bench lock

help:
	@sed -n 's/^# make /make /p' Makefile

env: $(READY)

$(READY): requirements.lock requirements/headless.lock pyproject.toml
	@PYTHON=$(PYTHON) VENV=$(VENV) sh requirements/install.sh
	@touch $@

demo: $(READY)
	@. $(BIN)/activate && sh requirements/demo.sh

lint: $(READY)
	@echo "avemo: lint and types"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@git ls-files -z | xargs -0 $(BIN)/codespell
	@$(BIN)/deptry .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/mypy

# A process that crashes ends the run: pytest-xdist may wait for the next one for ever.
test: lint
	@echo "avemo: every test"
	@. $(BIN)/activate && python -m pytest -n 2 --max-worker-restart 0 --dist loadfile --no-loadscope-reorder

bench: $(READY)
	@$(BIN)/python -m benchmarks

lock:
	@sh requirements/lock.sh
