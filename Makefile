# make figures   from nothing to the figures of configs/default.yaml (CONFIG=... for another)
# make test      all tests
# make lint      formatting and static checks
# make bench     speed, beside other systems
# make docs      write the generated parts of documents anew, build the site in build/site
# make clean     remove what the above made, but for results and downloads

PYTHON ?= python3
CORES ?= all
CONFIG ?=

ENVIRONMENT := .venv/.complete
# Recipes find the environment's commands first, activated or not; by a shell of another name
# than make's own /bin/sh, without which macOS's make looks for them in the PATH it was called with.
SHELL := sh
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: figures test lint bench docs clean
.DEFAULT_GOAL := figures

figures: $(ENVIRONMENT)
	snakemake --cores $(CORES) $(if $(CONFIG),--configfile $(CONFIG))

test: $(ENVIRONMENT)
	pytest --numprocesses $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(ENVIRONMENT)
	ruff check .
	ruff format --check .
	lint-imports
	snakefmt --check Snakefile workflow
	snakemake --lint

bench: $(ENVIRONMENT)
	python -m benchmarks

docs: $(ENVIRONMENT)
	python -m lsh_dl.experiment.document
	python -m lsh_dl.results.readings
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet

# Whole or not at all: the stamp is written last, so that a broken installation is done again.
$(ENVIRONMENT): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: $(PYTHON) is not Python 3.11 or newer; name one: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

clean:
	rm -rf .venv .snakemake .pytest_cache .ruff_cache .hypothesis build *.egg-info
	find lsh_dl figures tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
