# `make demo` trains a classifier on real data; `make test` runs all checks. Both need Python 3.11 or newer with venv and pip.
# The demo installs what training needs, and the tests what development needs besides.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TRAINS := $(VENV)/.installed-train
STAMP := $(VENV)/.installed
JOBS ?= 2
SAMPLE ?= 1
OLDER_SKLEARN := 1.8.0

.PHONY: help demo test warm-up lint types mutants test-sklearn test-browser docs bench bench-classifier check-python clean

help:
	@echo "make demo   train on the bundled digits, and save the model and its report: digits.safetensors, digits.html"
	@echo "make test   lint, type checks and tests (SAMPLE=4: one of four cases of each test of many cases)"
	@echo "make test-browser  test the report, the explain page and the site in a real browser, and run the notebooks"
	@echo "make mutants  introduce small faults, one at a time, and print those that no test notices"
	@echo "make test-sklearn  test the estimator with the previous minor version of scikit-learn"
	@echo "make docs   build the documentation site in build/site"
	@echo "make bench  compare the speed of the functions with their peers, over a grid of shapes"
	@echo "make bench-classifier  compare the classifier with its peers on real data"
	@echo "make clean  remove everything that the other targets created"

demo: $(TRAINS)
	@echo "==> training on the bundled digits: 1,797 images of 8x8 pixels (the first time, some functions are compiled)"
	$(BIN)/logitwise train digits --report digits.html
	@echo
	@echo "The table is of images that training never used; the loss \"in training\" is of images held out within it."
	@echo
	@echo "What to type next:"
	@echo "  $(BIN)/python -m webbrowser file://$(CURDIR)/digits.html"
	@echo "      opens the report: can the model be trusted, and where does it fail?"
	@echo "  $(BIN)/logitwise predict digits.safetensors digits -o predictions.csv"
	@echo "      predicts; put your own file in place of digits"
	@echo "  $(BIN)/logitwise train iris --report iris.html"
	@echo "      trains; put your own table in place of iris, and name the column to predict: --target COLUMN"

test: lint types warm-up
	@echo "==> tests"
	$(BIN)/pytest -q -n $(JOBS) --sample $(SAMPLE)

warm-up: $(STAMP)
	@echo "==> compiling (once)"
	$(BIN)/python -m logitwise warm-up

lint: $(STAMP)
	@echo "==> lint"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	@echo "==> types"
	$(BIN)/pyright

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python must be 3.11 or newer; got %d.%d. Install one and name it: make PYTHON=python3.11" % sys.version_info[:2])'

# torch is installed by its exact version first: a version range could install a CUDA build of several GB instead of an available CPU build.
# --no-compile: Python compiles a module when it is first imported, and most of these never are.
$(TRAINS): pyproject.toml constraints.txt
	@$(MAKE) --no-print-directory check-python
	@echo "==> creating $(VENV) and installing (once)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt "torch==2.13.0"
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[train]'
	@touch $(TRAINS)

$(STAMP): $(TRAINS)
	@echo "==> installing what development needs (once)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

clean:
	rm -rf $(VENV) build dist *.safetensors digits.html iris.html predictions.csv .pytest_cache .ruff_cache .hypothesis

# MUTANTS=words selects the mutants whose name or file contains one of the words.
mutants: $(STAMP)
	@echo "==> mutation tests (about an hour; prints the faults that no test notices)"
	$(BIN)/python tests/mutants/__main__.py --jobs $(JOBS) $(MUTANTS)

# Only the older scikit-learn is installed, in a folder that comes first on the import path; everything else stays as it is.
test-sklearn: $(STAMP)
	@echo "==> the estimator with scikit-learn $(OLDER_SKLEARN)"
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target build/scikit-learn "scikit-learn==$(OLDER_SKLEARN)"
	PYTHONPATH=build/scikit-learn $(BIN)/python -c "import sklearn; assert sklearn.__version__ == '$(OLDER_SKLEARN)', sklearn"
	PYTHONPATH=build/scikit-learn $(BIN)/pytest -q -n $(JOBS) tests/classifier/test_scikit_learn.py tests/classifier/test_estimator.py -k 'not (handwritten or gaps or digits)'

test-browser: docs
	@echo "==> pages in a real browser, and the notebooks (on Debian and Ubuntu, install it with: apt-get install chromium)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[browser]'
	$(BIN)/pytest -q -n $(JOBS) -m browser tests/browser

docs: $(STAMP)
	@echo "==> building the documentation in build/site"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "==> open it in a browser: file://$(CURDIR)/build/site/index.html"

bench-classifier: $(STAMP)
	@echo "==> comparing the classifier with its peers (an hour or two; writes benchmarks/classifier-results.md)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench-classifier]'
	$(BIN)/python -W ignore -m benchmarks.classifier --save

bench: $(STAMP)
	@echo "==> benchmarks (an hour and a half; writes the page docs/speed.md, and appends to benchmarks/results.md)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks.grid --save
	$(BIN)/python -m benchmarks.threads
	$(BIN)/python -m benchmarks.calls
	$(BIN)/python -m benchmarks --save
