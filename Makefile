# `make mnist` and `make test` need nothing but Python and make: the first target
# run makes an environment in .venv and keeps it until the versions change.

PYTHON ?= python3
VENV := .venv
BENCH := benchmarks/.venv-bench
AUDIT := .venv-audit
TORCH := torch==2.13.0
PIP_AUDIT := pip-audit==2.10.1

PIP := -m pip --disable-pip-version-check install --quiet
PYTEST := $(VENV)/bin/python -m pytest --numprocesses auto --dist worksteal
# Lets XLA compile two to three times as fast, to slower programs that round in other places.
# `make test QUICK=` does without; so does pytest that is run by hand.
QUICK := --xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false
QUICK += --xla_cpu_parallel_codegen_split_count=1
# Golden numbers, learning and determinism are tested on the programs that users get.
EXACT := tests/golden tests/learning tests/training/test_determinism.py
# Every subject once: the first case of each of these tests. Docstrings come last
# and the contract first, since some docstrings add forms of layers, which it counts.
FAST := --first-cases tests/contract tests/test_*.py tests/golden tests/reference
FAST += tests/wrong_use tests/datasets/test_batches.py tests/training/test_loop.py src

INSTALLED := $(VENV)/.installed
BENCH_INSTALLED := $(BENCH)/.installed
AUDIT_INSTALLED := $(AUDIT)/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help mnist test test-fast lint format bench audit clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' Makefile

mnist: $(INSTALLED) ## train the digit classifier; writes mnist.safetensors, mnist-features.png
	@$(VENV)/bin/python examples/mnist_classifier.py

test: $(INSTALLED) ## run the tests and the examples in docstrings
	$(PYTEST) $(EXACT)
	XLA_FLAGS="$$XLA_FLAGS $(QUICK)" $(PYTEST) $(EXACT:%=--ignore=%)

test-fast: $(INSTALLED) ## run one case of the tests of every subject, in under 90 seconds
	XLA_FLAGS="$$XLA_FLAGS $(QUICK)" $(PYTEST) $(FAST)

lint: $(INSTALLED) ## check format, style, types and the direction of imports
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(INSTALLED) ## put the source into the project's format
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(BENCH_INSTALLED) ## measure against other libraries (in an environment of its own)
	$(BENCH)/bin/python -m benchmarks --write-docs

audit: $(AUDIT_INSTALLED) ## look for known weaknesses in what constraints.txt pins (asks the Internet)
	$(AUDIT)/bin/pip-audit --strict --no-deps --disable-pip --requirement constraints.txt

clean: ## remove environments, caches, builds and what `make mnist` wrote
	rm -rf $(VENV) $(BENCH) $(AUDIT) build dist mnist.safetensors mnist-features.png
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A half-made environment is worse than none, so a failure removes it.
%/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "theanets needs Python 3.11 or newer, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)."; \
	  echo "Name another one, such as: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; } >&2
	$(PYTHON) -m venv --clear $* || { rm -rf $*; exit 1; }

.PRECIOUS: %/pyvenv.cfg

$(INSTALLED): pyproject.toml constraints.txt | $(VENV)/pyvenv.cfg
	@echo "Installing theanets and its tools into $(VENV) (a minute or two, once)"
	$(VENV)/bin/python $(PIP) --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(AUDIT_INSTALLED): Makefile | $(AUDIT)/pyvenv.cfg
	@echo "Installing pip-audit into $(AUDIT) (once)"
	$(AUDIT)/bin/python $(PIP) $(PIP_AUDIT)
	@touch $@

$(BENCH_INSTALLED): pyproject.toml constraints.txt benchmarks/requirements.txt | $(BENCH)/pyvenv.cfg
	@echo "Installing theanets and the libraries it is compared with into $(BENCH) (some minutes, once)"
	$(BENCH)/bin/python $(PIP) --constraint constraints.txt --editable .
	$(BENCH)/bin/python $(PIP) $(TORCH)
	$(BENCH)/bin/python $(PIP) --requirement benchmarks/requirements.txt
	@touch $@
