# make course  from nothing to lessons that ran, a model that talks and a book
# make test    everything that must hold, from nothing too
# make lab     JupyterLab, opened on the first lesson
# make book    the book alone, from the lessons verified so far
# make bench   side-by-side measurements, into benchmarks/results (20 minutes)
#
# Without make: the four `pip` lines of README.md, then `aulac course` and so on.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Another model, another language: make course SCALE=laptop, make lab BOOK_LANG=en
# Some benchmarks only, or the rest of them: make bench ARGS="training --resume"
SCALE     ?= tiny
BOOK_LANG ?= vi
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help install course test test-fast lab book bench lint format constraints clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | sed '/^$$/q' | head -8

# The stamp is written last, so an installation cut off half way starts again.
$(VENV)/.installed: requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: name another with make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "No virtual environment could be made in $(VENV). On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Installing into $(VENV): about 2 GB, two to ten minutes the first time."
	$(BIN)/python -m pip install --quiet torch==2.13.0 uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt -c constraints.txt
	@# Optional for jsonschema, and 1.7 seconds in every kernel that imports nbformat.
	@$(BIN)/uv pip uninstall --quiet --python $(BIN)/python rfc3987-syntax || true
	@touch $@

install: $(VENV)/.installed

course: install
	$(BIN)/aulac course --scale $(SCALE)

test: install
	$(BIN)/python tests/run.py

test-fast: install
	$(BIN)/python tests/run.py --fast

lab: install
	$(BIN)/aulac lab --lang $(BOOK_LANG)

book: install
	$(BIN)/aulac book build

bench: install
	$(BIN)/python benchmarks/run.py $(ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# After a change of requirements.txt. CUDA's packages stay out: which of them torch
# wants differs from machine to machine.
constraints: install
	{ echo "# Pins for what requirements.txt brings along. Written by: make constraints"; \
	  $(BIN)/uv pip compile requirements.txt --universal --python-version 3.11 \
	    --no-annotate --no-header --quiet \
	  | grep -v -E '^(-e|torch=|triton|nvidia-|cuda-|rfc3987-syntax)'; } > constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf build book/_build
