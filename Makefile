# Two commands matter: `make book` builds the book, `make test` checks everything.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
SETUP := .make/setup
# Modules are compiled when they are first imported: most never are.
QUICKLY := --quiet --disable-pip-version-check --no-compile
SITE := _build/html/index.html
NOTEBOOKS ?= $(sort $(wildcard book/*.ipynb book/back/*.ipynb))
SOURCES := $(shell find book vgan_tutorial -type f -not -path '*/__pycache__/*' \
	-not -path '*/.ipynb_checkpoints/*' 2>/dev/null)

.PHONY: help setup book test quick lint notebooks links hooks lab benchmarks gpu clean

help:  ## list what can be made
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | \
		while IFS=$$'\t' read -r name what; do printf 'make %-12s %s\n' "$$name" "$$what"; done

setup: $(SETUP)  ## create .venv with the exact versions of constraints.txt

$(SETUP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
		"Name another one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
		echo "$(PYTHON) lacks venv. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	# torch first and pinned: a looser choice can fetch gigabytes of GPU libraries
	$(BIN)/pip install $(QUICKLY) -c constraints.txt torch
	$(BIN)/pip install $(QUICKLY) -c constraints.txt -e '.[book,test]'
	@mkdir -p .make && touch $@

# One thread, so that numbers do not depend on the machine, and two threads on busy cores can take
# thirty times as long as one. The long runs of a page measure how many they take.
book: $(SETUP)  ## execute every notebook and build the book from a clean tree
	rm -rf _build
	OMP_NUM_THREADS=1 $(BIN)/jupyter-book build . -W --keep-going
	@echo "Open $(CURDIR)/$(SITE)"

# The site that the checks open. After `make book` it is there and new. Otherwise it is made from
# the stored outputs, which the notebook tests compare with a fresh run: nothing runs twice.
$(SITE): $(SOURCES) _config.yml _toc.yml | $(SETUP)
	rm -rf _build
	mkdir -p _build
	sed 's/execute_notebooks: force/execute_notebooks: "off"/' _config.yml > _build/stored.yml
	$(BIN)/jupyter-book build . -W --keep-going --quiet --config $(CURDIR)/_build/stored.yml

lint: $(SETUP)  ## style, format and types of the code, the notebooks' cells included
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m tests.book.notebooks types $(NOTEBOOKS)

# One process for each core, with one thread each. The tests of a file stay together and in order, as
# the cells of a notebook must; `tests/conftest.py` says which files are begun first. A busy machine
# may take its time to start a kernel.
test: lint $(SITE)  ## every check: style, types, units, equations, notebooks, pages
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder \
		-m 'not benchmark' --nbval --nbval-current-env --nbval-cell-timeout=600 \
		--nbval-kernel-startup-timeout=300 \
		--nbval-sanitize-with=tests/book/nbval_sanitize.cfg tests $(NOTEBOOKS)

# The types of the notebooks' cells, slow tests, the browser's and the notebooks' are left out.
quick: $(SETUP)  ## style, types and, for a minute, the tests that matter for what has changed
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.quick

notebooks: $(SETUP)  ## execute the notebooks in place: make notebooks NOTEBOOKS=book/04_generator.ipynb
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.book.notebooks refresh $(NOTEBOOKS)

links: $(SETUP)  ## open every link of the pages; needs the network
	rm -rf _build
	mkdir -p _build
	sed 's/execute_notebooks: force/execute_notebooks: "off"/' _config.yml > _build/stored.yml
	$(BIN)/jupyter-book build . --builder linkcheck --config $(CURDIR)/_build/stored.yml

hooks: $(SETUP)  ## check style at every commit, and the notebooks' freshness at every push
	$(BIN)/pre-commit install --hook-type pre-commit --hook-type pre-push

lab: $(SETUP)  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab book

benchmarks: $(SETUP)  ## measure times and ratios on this machine
	# without the run-time type checks of `make test`: they would be measured too
	$(BIN)/pytest -o addopts=--strict-markers -m benchmark tests/benchmarks

MINUTES ?= 9
gpu: $(SETUP)  ## measure and train on a GPU, for so many minutes: make gpu MINUTES=9
	$(BIN)/python -m vgan_tutorial.experiments.gpu --minutes $(MINUTES)

clean:  ## remove what was built, but not .venv
	rm -rf _build .make .pytest_cache .mypy_cache .ruff_cache
