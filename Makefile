# make demo      install everything, train on cartoon faces, write a report page
# make test      install everything, run the tests
# make test-all  run the slow tests, too
# make lint      run ruff, mypy and import-linter

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

# A stamp file newer than pyproject.toml marks a complete installation. The installation with the tools also serves the demo.
RUNTIME := $(VENV)/.installed
TOOLS := $(VENV)/.installed-dev

.NOTPARALLEL:
.PHONY: help demo test test-all lint format print-demo-steps print-test-steps clean

help:
	@sed -n 's/^# make /make /p' Makefile

demo: print-demo-steps $(RUNTIME)
	@$(BIN)/i2ikit demo

test: print-test-steps $(TOOLS)
	@$(PYTEST) -m "not slow"

test-all: print-test-steps $(TOOLS)
	@mkdir -p benchmarks/results
	@{ echo "commit $$(git rev-parse --short HEAD 2>/dev/null || echo none), Python $$($(BIN)/python -V | cut -d' ' -f2), $$(uname -sm), $$(nproc 2>/dev/null || echo ?) cores"; } > benchmarks/results/test-all.txt.new
	@$(PYTEST) --durations=15 | sed "s|$(CURDIR)|.|g" | tee -a benchmarks/results/test-all.txt.new
	@mv benchmarks/results/test-all.txt.new benchmarks/results/test-all.txt

lint: $(TOOLS)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(TOOLS)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

print-demo-steps:
	@echo "make demo: train StarGAN on cartoon faces, without a GPU or a data set, and write a report page."
	@if [ $(RUNTIME) -nt pyproject.toml ]; then echo "  1. install    already done"; \
	else echo "  1. install    about 5 minutes; downloads about 3 GB (PyTorch and a few packages) to $(VENV)"; fi
	@echo "  2. train      about 6 minutes on two CPU cores"
	@echo "  3. evaluate   about half a minute; then writes the page, one HTML file with metrics and images"
	@echo "Ctrl-C is safe at any time. Run the same command to resume."

print-test-steps:
	@if [ $(TOOLS) -nt pyproject.toml ]; then echo "make test: run the tests, which takes a few minutes on two CPU cores."; \
	else echo "make test: install into $(VENV) (about 5 minutes, downloads about 3 GB), then run the tests (a few minutes on two CPU cores)."; fi

# venv writes pip last: without pip, the creation of the environment was interrupted.
$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) was not found. Install Python 3.11 or newer, or name it: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "error: $(PYTHON) is $$($(PYTHON) -V 2>&1), but Python 3.11 or newer is required. Name it: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	echo "error: $(PYTHON) cannot create virtual environments. Install its venv module (on Debian: apt install python3-venv)."; exit 2; }
	@echo "creating $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

# The output of pip goes to a file. If pip fails, the last lines are shown.
define install
	start=$$SECONDS; echo "installing $(1) into $(VENV) ..."; \
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --no-input --progress-bar off -e "$(1)" > $(VENV)/install.log 2>&1 \
	|| { tail -n 15 $(VENV)/install.log; echo "error: The installation failed. Its output is in $(VENV)/install.log. Run the same command to try again."; exit 2; }; \
	echo "installed in $$((SECONDS - start)) s"
endef

$(TOOLS): pyproject.toml | $(BIN)/pip
	@$(call install,.[dev])
	@touch $(RUNTIME) $(TOOLS)

$(RUNTIME): pyproject.toml | $(BIN)/pip
	@$(call install,.)
	@touch $(RUNTIME)

clean:
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks build dist
