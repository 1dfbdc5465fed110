# `make demo` runs the main job, `make test` the tests; both set up what they need the first time.
.PHONY: help demo churn ui screenshots test test-demo lint verify setup lock clean
.DEFAULT_GOAL := help

# The first that runs, is 3.10 to 3.12 and can make environments; `make setup PYTHON=...` names another.
FOUND = $(shell for python in $(if $(PYTHON),"$(PYTHON)",python3.11 python3.12 python3.10 python3 python); do \
	"$$python" -c 'import ensurepip, sys, venv; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' 2>/dev/null \
	&& { echo "$$python"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# What is installed; an edit of pyproject.toml alone need not fetch anything again.
INSTALLED := $(VENV)/requirements.lock

help:
	@echo "make demo    train on January to March 2013, replay the months after it, show what happened"
	@echo "make churn   the example customer_churn: from one file to a registered model and scores"
	@echo "make ui      the Dagster web UI on the demo's runs"
	@echo "make screenshots  the pictures of docs/ui.md from a finished demo; needs Chromium"
	@echo "make test    the tests, in about seven minutes on two cores"
	@echo "make test-long  whole lives end to end, in about thirteen minutes more"
	@echo "make test-demo  what the demo said, computed again by pandas and scikit-learn"
	@echo "make lint    style, types and layers"
	@echo "make verify  benches, with dated results"
	@echo "make clean   stop the Spark server, remove the demo's tables, models and runs"
	@echo "make lock    compile requirements.lock anew from pyproject.toml"
	@echo
	@echo "Options of the demo: make demo DEMO_OPTIONS=\"--months 4-6\""

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@if ! cmp -s requirements.lock $(INSTALLED); then \
	  started=$$(date +%s); \
	  python="$(FOUND)"; \
	  if [ -z "$$python" ]; then \
	    echo "Python 3.10, 3.11 or 3.12 with the modules venv and ensurepip is needed; none was found$(if $(PYTHON), at $(PYTHON))."; \
	    echo "Debian, Ubuntu: apt-get install python3 python3-venv. Another place: make setup PYTHON=/path/to/python"; \
	    exit 1; fi; \
	  echo "Setting up $(VENV) with $$("$$python" --version): $$(grep -c '^[a-z].*==' requirements.lock) packages, 2.5 GB, about three minutes."; \
	  "$$python" -m venv $(VENV) && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock && \
	  cp requirements.lock $(INSTALLED) && \
	  echo "Set up in $$(( $$(date +%s) - started )) s."; fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(READY)

demo: $(READY)
	@$(BIN)/mlops-dagster demo $(DEMO_OPTIONS)

churn: $(READY)
	@$(BIN)/mlops-dagster run customer_churn

ui: $(READY)
	@$(BIN)/mlops-dagster ui

BY_FILE := --dist loadscope --no-loadscope-reorder

test: $(READY)
	@$(BIN)/python -m pytest -m "not verify and not demo and not long" --numprocesses 2 $(BY_FILE)

# Whole lives wait for servers to start and stop: two cores serve three of them.
test-long: $(READY)
	@$(BIN)/python -m pytest -m "long and not verify" --numprocesses 3 $(BY_FILE)

test-demo: $(READY)
	@$(BIN)/python -m pytest -m demo mlops_dagster_tests/finished_demo

screenshots: $(READY)
	@$(BIN)/python docs/screenshots/make.py

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

verify: $(READY)
	@$(BIN)/python -m pytest -m verify --ignore mlops_dagster_tests/crashes --ignore mlops_dagster_tests/faults
	@$(BIN)/python -m benchmarks.reliability
	@$(BIN)/python -m benchmarks.startup
	@$(BIN)/python -m benchmarks.demo
	@$(BIN)/python -m benchmarks.replay
	@$(BIN)/python -m benchmarks.quality --peers

# Nothing here names an index: the client's own configuration says where packages come from.
lock: $(READY)
	@$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.10 \
	  --extra alibi --extra dev --extra examples --extra postgres --extra serving \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --output-file requirements.lock

clean:
	@[ ! -d .mlops ] || [ ! -x $(BIN)/mlops-dagster ] || $(BIN)/mlops-dagster down
	rm -rf .mlops
