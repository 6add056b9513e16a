# make demo      set everything up, train on drawn faces, leave a page of pictures and numbers
# make test      set everything up, pass the tests
# make test-all  the slow tests too
# make lint      ruff, mypy, import-linter

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

# A stamp newer than pyproject.toml means that the installation is done; one with the tools serves the demo too.
RUNTIME := $(VENV)/.installed
TOOLS := $(VENV)/.installed-dev

.NOTPARALLEL:
.PHONY: help demo test test-all lint format say-demo say-test clean

help:
	@sed -n 's/^# make /make /p' Makefile

demo: say-demo $(RUNTIME)
	@$(BIN)/i2ikit demo

test: say-test $(TOOLS)
	@$(PYTEST) -m "not slow"

test-all: say-test $(TOOLS)
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

say-demo:
	@echo "make demo: train StarGAN on drawn faces, without a GPU or a data set, and leave a page of pictures and numbers."
	@if [ $(RUNTIME) -nt pyproject.toml ]; then echo "  1. install        done already"; \
	else echo "  1. install        about 5 minutes: PyTorch and a few packages into $(VENV), some 3 GB to download"; fi
	@echo "  2. train          about 6 minutes on two cores"
	@echo "  3. page           a few seconds: numbers on held-out faces, pictures, one HTML file"
	@echo "Ctrl-C is safe at any time: the same command goes on from there."

say-test:
	@if [ $(TOOLS) -nt pyproject.toml ]; then echo "make test: the tests, some minutes on two cores."; \
	else echo "make test: install into $(VENV) (about 5 minutes, some 3 GB to download), then the tests, some minutes on two cores."; fi

# pip is the last thing that venv writes: a folder without it was interrupted.
$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || { echo "error: no $(PYTHON) here. Install Python 3.11 or newer, or name one: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "error: $(PYTHON) is $$($(PYTHON) -V 2>&1), and Python 3.11 or newer is needed. Name one: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	echo "error: $(PYTHON) cannot make virtual environments. Install its venv module (on Debian: apt install python3-venv)."; exit 2; }
	@echo "making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

# pip speaks into a file; its last lines are shown where it fails.
define install
	start=$$SECONDS; echo "installing $(1) into $(VENV) ..."; \
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --no-input --progress-bar off -e "$(1)" > $(VENV)/install.log 2>&1 \
	|| { tail -n 15 $(VENV)/install.log; echo "error: the installation failed; $(VENV)/install.log has all of it. The same command tries again."; exit 2; }; \
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
