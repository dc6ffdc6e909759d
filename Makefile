# `make demo` trains a classifier on real data; `make test` checks everything. Both need Python 3.11 or newer with venv and pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2
OLDER_SKLEARN := 1.8.0

.PHONY: help demo test lint types mutants test-sklearn test-browser docs bench bench-classifier check-python clean

help:
	@echo "make demo   train on the bundled digits and leave digits.safetensors"
	@echo "make test   lint, types and tests"
	@echo "make test-browser  the report and the explain page in a real browser"
	@echo "make mutants  put small faults in, one at a time, and see whether the tests notice"
	@echo "make test-sklearn  the estimator with the scikit-learn version before the newest"
	@echo "make docs   build the documentation site into build/site"
	@echo "make bench  time the functions beside their peers"
	@echo "make bench-classifier  the classifier beside its peers on real data"
	@echo "make clean  remove what the other targets made"

demo: $(STAMP)
	@echo "==> training on the bundled digits"
	$(BIN)/logitwise train digits --model digits.safetensors
	@echo "==> what the model file says of itself"
	$(BIN)/logitwise info digits.safetensors

test: lint types
	@echo "==> tests"
	$(BIN)/pytest -q -n $(JOBS)

lint: $(STAMP)
	@echo "==> lint"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	@echo "==> types"
	$(BIN)/pyright

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python must be 3.11 or newer; got %d.%d. Install one and name it: make PYTHON=python3.11" % sys.version_info[:2])'

# torch is asked for by its exact version first: a range would bring a CUDA build of several GB where a CPU build is at hand.
$(STAMP): pyproject.toml constraints.txt
	@$(MAKE) --no-print-directory check-python
	@echo "==> making $(VENV) and installing (once)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt "torch==2.13.0"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

clean:
	rm -rf $(VENV) build dist *.safetensors .pytest_cache .ruff_cache .hypothesis

# MUTANTS=words tries those whose name or file contains one of them.
mutants: $(STAMP)
	@echo "==> small faults, one at a time (about an hour; prints those that no test notices)"
	$(BIN)/python tests/mutants/__main__.py --jobs $(JOBS) $(MUTANTS)

# The package alone, in front of the newer one: everything else stays as it is.
test-sklearn: $(STAMP)
	@echo "==> the estimator with scikit-learn $(OLDER_SKLEARN)"
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target build/scikit-learn "scikit-learn==$(OLDER_SKLEARN)"
	PYTHONPATH=build/scikit-learn $(BIN)/python -c "import sklearn; assert sklearn.__version__ == '$(OLDER_SKLEARN)', sklearn"
	PYTHONPATH=build/scikit-learn $(BIN)/pytest -q -n $(JOBS) tests/classifier/test_scikit_learn.py tests/classifier/test_estimator.py -k 'not (handwritten or gaps or digits)'

test-browser: $(STAMP)
	@echo "==> pages in a real browser (Debian and Ubuntu: apt-get install chromium)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[browser]'
	$(BIN)/pytest -q -m browser tests/browser

docs: $(STAMP)
	@echo "==> documentation, into build/site"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench-classifier: $(STAMP)
	@echo "==> the classifier beside its peers (an hour or two; writes benchmarks/classifier-results.md)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench-classifier]'
	$(BIN)/python -W ignore -m benchmarks.classifier --save

bench: $(STAMP)
	@echo "==> benchmarks (about 20 minutes; results are appended to benchmarks/results.md)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks --save
