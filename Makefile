# Each target does its own set-up on a fresh machine: Python 3.11 or newer, and a network for pip.
#   make train    install what training needs, and train on the embedded sample
#   make box      train the model in the box again, from ../shared: an hour
#   make test     the quick tests with a coverage figure, ruff, mypy and the layers; `make test-slow` takes minutes
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Two marks in one environment: what training needs (1.5 GB), and what the tests need as well.
TRAIN_READY := $(VENV)/ready-train
TEST_READY := $(VENV)/ready-test
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: train test test-slow check format fuzz box clean

train: $(TRAIN_READY)
	$(BIN)/python train.py

test: check
	$(BIN)/pytest -n 2 -p tests.measure_coverage

test-slow: $(TEST_READY)
	$(BIN)/pytest -m slow --timeout 1800

check: $(TEST_READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(TEST_READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# torch first and by its exact version: that is the CPU build, where any other would be gigabytes. What builds
# seqeval (a source distribution of 2020) is pinned too, hence no isolated builds with the newest of everything.
$(TRAIN_READY): setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: $(PYTHON) is older than 3.11: try make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Installing into $(VENV): PyTorch and what training needs, 1.5 GB. One to five minutes, once."
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) setuptools setuptools_scm wheel torch==2.13.0
	@$(INSTALL) --no-build-isolation --editable '.[train]'
	@touch $@

$(TEST_READY): $(TRAIN_READY)
	@echo "Installing into $(VENV): what the tests need as well."
	@$(INSTALL) --no-build-isolation --editable '.[test]'
	@touch $@

# Ten minutes for each reader, two at once: `make fuzz FUZZ_SECONDS=60` is shorter.
FUZZ_SECONDS ?= 600
fuzz: $(TEST_READY)
	$(INSTALL) atheris
	$(BIN)/python -m fuzz --seconds $(FUZZ_SECONDS)

# The model in the box, from the data in ../shared: about an hour on two cores.
SHARED ?= ../shared
box: $(TRAIN_READY)
	$(BIN)/python box/build.py --shared $(SHARED)

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
