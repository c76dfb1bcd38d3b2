# The two main commands: `make finetune export` makes the model, `make test` runs the tests. Each installs what it needs.
# Variables: DB=shop.sqlite, PAIRS=pairs.csv, RECIPE=my-database, SET="section.key=value ...", RUN=folder,
# MODEL="base.gguf tuned.gguf", OUT=folder, PYTHON=python3.12, VENV=.venv, PORTABLE=1; see `make help`.

RECIPE ?= my-database
SET ?=
RUN ?=
DB ?=
PAIRS ?=
QUESTIONS ?=
DATABASES ?=
MODEL ?=
OUT ?=
TESTS ?= not base and not ollama and not terminal and not browser and not servers and not job and not shared
VENV ?= .venv
# Tests that need nothing but the project run in a process for each core, up to four: each takes 1.5 GB of memory.
WORKERS ?= $(if $(and $(filter file,$(origin TESTS)),$(wildcard $(VENV)/lib/python3*/site-packages/xdist)),-n logical \
	--maxprocesses 4 --dist worksteal)
# The first Python of a supported version; `make PYTHON=...` takes another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && { echo $$p; exit; }; done; echo python3)

BIN := $(VENV)/bin
TOOL := $(BIN)/sql-llama
PIP := $(BIN)/python -m pip install --disable-pip-version-check --require-hashes --no-deps

# PORTABLE=1: llama.cpp for any machine of this architecture; 0: for this processor only.
# The last choice is kept until the other one is given.
CHOSEN := $(shell cat $(VENV)/.portable 2>/dev/null)
PORTABLE ?= $(CHOSEN)
ifneq ($(filter 1,$(PORTABLE)),$(CHOSEN))
.PHONY: $(VENV)/.ready
endif

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup setup-dev finetune export chat eval test test-all check ollama bench docs lock dist clean

help: ## list the targets
	@echo "make finetune export    makes the model; make test    runs the tests. All targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/.ready ## make .venv and install the pinned packages (once, 5 to 10 minutes, 6 GB; PORTABLE=1 for any machine)

$(VENV)/.ready: constraints.txt .ci/constraints-build.txt .ci/build-llama-cpp pyproject.toml
	@[ ! -e .ci/check-machine ] || $(PYTHON) .ci/check-machine
	@echo "setup: 1/5 $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@echo "setup: 2/5 pinned build tools (half a minute)"
	@$(PIP) --quiet -r .ci/constraints-build.txt
	@echo "setup: 3/5 pinned packages: 3 GB to download (some minutes; seconds when pip has them)"
	@sed '/^llama-cpp-python==/,/[^\\]$$/d' constraints.txt >$(VENV)/packages.txt
	@$(PIP) --no-build-isolation -r $(VENV)/packages.txt
	@echo "setup: 4/5 sql-llama itself"
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps \
		--no-build-isolation --editable .
	@echo "setup: 5/5 llama.cpp, to compile and to try (4 minutes on 2 cores; seconds when it was made before)"
	@.ci/build-llama-cpp $(VENV) $(filter 1,$(PORTABLE))
	@touch $@
	@echo "setup: done; $(TOOL) is ready"

setup-dev: $(VENV)/.ready-dev ## setup, and the tools for tests and checks

$(VENV)/.ready-dev: $(VENV)/.ready .ci/constraints-dev.txt
	@echo "setup: tools for tests and checks (half a minute)"
	@$(PIP) --quiet -r .ci/constraints-dev.txt
	@touch $@

finetune: setup ## train on DB=file.sqlite and PAIRS=file.csv, by default on a sample shop (ten minutes on 2 cores)
	$(TOOL) train $(RECIPE) $(if $(DB),--db "$(DB)") $(foreach file,$(PAIRS),--pairs "$(file)") \
		$(foreach setting,$(SET),--set $(setting)) $(if $(RUN),--run $(RUN))

export: setup ## merge, convert, quantize and certify the newest run, or RUN; register it in Ollama
	$(TOOL) export $(RUN)

chat: setup ## ask the base and the tuned model side by side; DB=file.sqlite for a database
	$(TOOL) chat $(if $(DB),--db $(DB)) $(if $(MODEL),--model $(MODEL))

eval: setup ## score MODEL="base.gguf tuned.gguf" on QUESTIONS=file over DATABASES=folder; report in OUT=folder
	$(TOOL) eval --questions "$(QUESTIONS)" $(if $(DATABASES),--databases "$(DATABASES)") \
		$(foreach model,$(MODEL),--model "$(model)") $(if $(OUT),--out "$(OUT)")

test: setup-dev ## run the tests that need nothing but the project (TESTS="base or job" for others)
	$(BIN)/python -m pytest -m "$(TESTS)" $(WORKERS)

test-all: setup-dev ollama ## run every test: real base model, Ollama, terminal and browser
	$(BIN)/python -m pytest

check: setup-dev ## lint, format, types, layers and generated documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

ollama: ## build the two real Ollama servers of the tests (12 minutes on 2 cores, once)
	.ci/build-ollama

bench: setup-dev ## run the benchmarks, each against another program
	@for script in benchmarks/*.py; do [ ! -e "$$script" ] || $(BIN)/python "$$script" || exit 1; done

docs: setup-dev ## write the generated pages of docs/ again
	$(BIN)/python docs/generate.py

lock: ## pin the dependencies again (needs uv; ARGS=--upgrade for newer ones)
	.ci/lock $(ARGS)

dist: setup ## build wheel and sdist into dist/
	rm -rf build dist
	@PYTHONWARNINGS=ignore $(BIN)/python -c "from setuptools import build_meta as b; b.build_sdist('dist'); b.build_wheel('dist')" >/dev/null 2>&1
	@ls -l dist
	rm -rf build

clean: ## remove the files of builds and tests; keep runs/ and .venv
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
