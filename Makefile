# Run, test and check from a fresh clone. What is installed goes into .venv, and only when
# pyproject.toml or constraints.txt have changed.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
# -qq: errors only; pip's warnings and its notices about itself are pages.
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt

.PHONY: help run test soak bench check lint layout types contracts format clean
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile
	@echo 'ARGS is passed on: make run ARGS="train --help", make test ARGS="-k config"'

# The TUI reads stdin and draws on stderr. Without a terminal on both, train and print instead.
run: $(VENV)/ready ## start tui-trainer
	@if [ -t 0 ] && [ -t 2 ]; then \
	    exec $(BIN)/tui-trainer $(ARGS); \
	else \
	    exec $(BIN)/tui-trainer train --plot $(ARGS); \
	fi

# Three at a time, since many wait for a terminal. A later -n counts: ARGS="-n 0" runs all in one
# process, as a debugger needs it.
test: $(VENV)/ready-test ## run the tests
	@$(BIN)/pytest -n 3 --dist loadgroup $(ARGS)

soak: $(VENV)/ready-test ## press random keys, scripted, training and with signals: ARGS="--minutes 5"
	@$(BIN)/python tests/soak.py $(ARGS)

check: lint types contracts ## check format, lint, types and who imports whom

lint: $(VENV)/ready-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

# mypy and import-linter find tui_trainer.models only inside a folder tui_trainer/, where it stands
# once installed. So show them that layout, in links.
LAYOUT := $(VENV)/layout
layout: $(VENV)/ready-dev
	@rm -rf $(LAYOUT)/tui_trainer && mkdir -p $(LAYOUT)/tui_trainer
	@ln -s $(CURDIR)/tui_trainer/* $(CURDIR)/models $(CURDIR)/presets $(LAYOUT)/tui_trainer/

types: layout
	@cd $(LAYOUT) && ../bin/mypy --config-file ../../pyproject.toml

contracts: layout
	@cd $(LAYOUT) && ../bin/lint-imports --no-logo --config ../../pyproject.toml

format: $(VENV)/ready-dev ## format the code and fix what can be fixed by itself
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

bench: $(VENV)/ready-test ## measure what the program claims about speed (some minutes, on a quiet machine)
	@$(BIN)/python benchmarks/run.py $(ARGS)

clean: ## remove .venv and everything else that was made
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache snapshot_report.html
	@find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/ready: pyproject.toml constraints.txt | $(BIN)/pip
	@echo 'Installing tui-trainer into $(VENV); the first time PyTorch takes a while' >&2
	@$(PIP_INSTALL) --editable .
	@touch $@

$(VENV)/ready-%: pyproject.toml constraints.txt | $(BIN)/pip
	@echo 'Installing tui-trainer[$*] into $(VENV); the first time PyTorch takes a while' >&2
	@$(PIP_INSTALL) --editable '.[$*]'
	@touch $@

# pip is the last thing that venv makes: a venv that was interrupted is made again.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "tui-trainer needs Python 3.11 or newer, and $(PYTHON) is %d.%d. If you have a newer one, name it: make PYTHON=python3.11" % sys.version_info[:2])'
	@$(PYTHON) -m venv $(VENV)
