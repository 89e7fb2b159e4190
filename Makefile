# Everything a person or CI runs. Needs Python 3.11 or newer and make; the rest goes into .venv.

.DEFAULT_GOAL := help
.PHONY: help demo test lint types tests lab bench covered coverage faults notebooks docs format clean

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check

# A Python that was named is used or refused; otherwise the first that will do is taken.
ifeq ($(origin PYTHON),undefined)
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11
else
PYTHONS := $(PYTHON)
endif

help:
	@echo 'make demo               real threads on the locked repository; TRACE=log.swf adds a real trace'
	@echo 'make test               lint, types, tests, doctests, notebooks'
	@echo 'make lab                open the notebooks in JupyterLab'
	@echo 'make bench              the benchmarks, as ratios'
	@echo 'make faults             thousands of runs on PostgreSQL with lost answers and killed servers; takes minutes'
	@echo 'make covered            the tests again, and which lines they run; tracing doubles their time'
	@echo 'make coverage           how often the confidence intervals cover the truth; takes more than an hour'
	@echo 'make notebooks          re-execute the notebooks, rewrite those whose output changed; ALL=1 rewrites all'
	@echo 'make docs               the guide and the reference, in build/docs/html/index.html'
	@echo 'make format             format the code and the notebooks'
	@echo 'make clean              remove .venv and all caches'
	@echo 'PYTHON=python3.13       makes .venv with this interpreter'

demo: $(VENV)/core
	$(BIN)/jobsim run stampede --schedule 7
ifdef TRACE
	$(BIN)/jobsim run steady --trace '$(TRACE)'
endif

# Types are checked beside the tests, for a machine has two cores or more.
test: lint
	@log=$$(mktemp); \
	$(MAKE) --no-print-directory types >"$$log" 2>&1 & beside=$$!; \
	trap 'kill $$beside' INT TERM; \
	$(MAKE) --no-print-directory tests; tests=$$?; \
	wait $$beside; beside=$$?; \
	cat "$$log"; rm -f "$$log"; exit $$((tests | beside))

lint: $(VENV)/all
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/all
	$(BIN)/mypy

# On all cores up to four, a file on one of them: more would make the tests with threads late.
tests: $(VENV)/all
	$(BIN)/python -m pytest notebooks tests jobsim --numprocesses=auto --maxprocesses=4 --dist=loadfile

# Apart from `make test`: under control, turns are offered by tracing, and tracing twice is slow.
covered: $(VENV)/all
	$(BIN)/python -m pytest notebooks tests jobsim --numprocesses=auto --maxprocesses=4 --dist=loadfile --cov=jobsim --cov-config=pyproject.toml --cov-report=term --cov-fail-under=95

lab: $(VENV)/all
	$(BIN)/jupyter lab --notebook-dir=notebooks

bench: $(VENV)/all
	$(BIN)/python tests/bench

# The same tests as in make test, which makes fewer runs.
faults: $(VENV)/all
	JOBSIM_FAULT_RUNS=2000 JOBSIM_TECHNIQUE_RUNS=20 $(BIN)/python -m pytest tests/testing/test_faults.py tests/testing/test_techniques.py

EXPERIMENTS := 1000

coverage: $(VENV)/all
	$(BIN)/python tests/bench/interval_coverage.py --experiments $(EXPERIMENTS)
	$(BIN)/python tests/bench/sizing_check.py
	$(BIN)/python tests/bench/log_coverage.py $(EXPERIMENTS)

notebooks: $(VENV)/all
	$(BIN)/python tests/tools/normalise_notebooks.py $(if $(ALL),--all)

docs: $(VENV)/docs
	rm -rf build/docs
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --builder html \
	  --conf-dir notebooks/docs --doctree-dir build/docs/doctrees notebooks build/docs/html
	@echo 'The documentation begins at build/docs/html/index.html'

format: $(VENV)/all
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) build .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache htmlcov
	find jobsim tests notebooks \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

# The stamps: what is installed, as of which pyproject.toml.
# Loading the fonts once builds matplotlib's font cache, which would otherwise warn inside a notebook.
$(VENV)/core: pyproject.toml | $(BIN)/python
	@echo 'Installing jobsim into $(VENV) ...'
	@$(PIP) install --editable '.[report]'
	@$(BIN)/python -c 'import matplotlib.font_manager'
	@touch $@

$(VENV)/all: pyproject.toml | $(BIN)/python
	@echo 'Installing jobsim with its extras into $(VENV) (a minute or two) ...'
	@$(PIP) install --editable '.[all]'
	@$(BIN)/python -c 'import matplotlib.font_manager'
	@touch $(VENV)/core $@

$(VENV)/docs: pyproject.toml | $(BIN)/python
	@echo 'Installing jobsim and what its documentation needs into $(VENV) ...'
	@$(PIP) install --editable '.[docs,report]'
	@touch $(VENV)/core $@

$(BIN)/python:
	@for python in $(PYTHONS); do \
	  if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    "$$python" -m venv --clear $(VENV) && exit 0; rm -rf $(VENV); exit 1; \
	  fi; \
	done; \
	echo 'jobsim needs Python 3.11 or newer with venv; none of these is: $(PYTHONS). Name one: make PYTHON=/path/to/python' >&2; exit 1
