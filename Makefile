# make demo   the environment, the whole pipeline on the sample corpus, the three registered models
# make ravdess  fetch RAVDESS's sound (0.4 GB; VIDEO=1: its films, too, 24 GB) and train on it
# make check  lint, types and the quick tests
# make test   the environment, lint, types, every test, and the coverage of the quick ones
# make docs   the documentation as a site, in site/
# make bench  the benchmarks, in docs/benchmarks.md (RECORDINGS=folder of RAVDESS, BEFORE=an older version's)
# make faults  what moves models, under faults (MINUTES=60 SEED=1); needs gcc
# make lock   pin every dependency anew

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# MLflow sends telemetry unless told not to; without a network it costs time.
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := 1

# Without its bytecode Python compiles every module anew in each of hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help env repository demo ravdess lint style types check test docs bench faults lock

help:
	@sed -n 's/^# make /make /p' Makefile

env: $(READY)

# first, because the environment takes minutes
repository:
	@sh requirements/repository.sh

$(READY): requirements.lock requirements/headless.lock pyproject.toml
	@PYTHON=$(PYTHON) VENV=$(VENV) sh requirements/install.sh
	@touch $@

demo: repository $(READY)
	@. $(BIN)/activate && sh requirements/demo.sh

ravdess: repository $(READY)
	@. $(BIN)/activate && VIDEO=$(VIDEO) sh requirements/ravdess.sh

lint: $(READY)
	@echo "avemo: lint and types"
	@$(MAKE) --no-print-directory --jobs 2 style types

style: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@git ls-files -z | xargs -0 $(BIN)/codespell
	@$(BIN)/deptry .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python lint/vague_names.py

types: $(READY)
	@$(BIN)/mypy

# A process that crashes ends the run: pytest-xdist may wait for the next one for ever.
PYTEST := python -m pytest -n 2 --max-worker-restart 0 --dist loadfile --no-loadscope-reorder

check: lint
	@echo "avemo: the quick tests"
	@. $(BIN)/activate && $(PYTEST) -m "not slow" --hypothesis-profile quick

# The coverage is that of the quick tests: measured, Python takes half as long again.
test: lint
	@echo "avemo: the quick tests and their coverage, then the slow ones"
	@. $(BIN)/activate && $(PYTEST) -m "not slow" --cov --cov-report=term:skip-covered
	@. $(BIN)/activate && $(PYTEST) -m slow

# What plugins say of MkDocs 2 is known: MkDocs is held below 2.
docs: $(READY)
	@NO_MKDOCS_2_WARNING=1 DISABLE_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --quiet --strict
	@echo "avemo: the documentation is in site/index.html"

bench: $(READY)
	@$(BIN)/python -m benchmarks

MINUTES ?= 15

faults: $(READY)
	@$(BIN)/python -m faults --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

lock:
	@sh requirements/lock.sh
