# `make demo` runs the main job, `make test` the tests; both set up what they need the first time.
.PHONY: demo test lint verify setup ui clean lock help
.DEFAULT_GOAL := help

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.10 python3,$(shell command -v $(name) 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

help:
	@echo "make demo    train on January to March 2013, replay the months after it, print what happened"
	@echo "make test    all tests, under 8 minutes on two cores"
	@echo "make lint    style, types and layers"
	@echo "make ui      the Dagster web UI on the demo's runs"
	@echo "make verify  long soaks and benches"

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || { echo "Python 3.10, 3.11 or 3.12 is needed and was not found."; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON): two to four minutes the first time."
	@"$(PYTHON)" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --progress-bar off --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $(READY)

demo: $(READY)
	@$(BIN)/mlops-dagster demo $(DEMO_OPTIONS)

ui: $(READY)
	@$(BIN)/mlops-dagster ui

test: $(READY)
	@$(BIN)/pytest -m "not verify"

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

verify: $(READY)
	@$(BIN)/pytest -m verify
	@$(BIN)/python -m benchmarks

lock:
	@$(BIN)/uv pip compile pyproject.toml --extra alibi --extra examples --extra serving --extra dev \
	  --universal --python-version 3.10 --no-emit-index-url --no-header -o requirements.lock

clean:
	rm -rf .mlops landing .env
