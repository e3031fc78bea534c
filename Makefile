# Two commands on a fresh machine: `make demo` and `make test`. Each makes .venv and installs what is missing.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/

.PHONY: demo test lint docs clean

demo: $(VENV)/installed
	$(RUN)transfer demo --into demo

test: $(VENV)/installed-dev lint
	$(RUN)python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: $(VENV)/installed-dev
	$(RUN)ruff check
	$(RUN)ruff format --check
	$(RUN)mypy
	$(RUN)lint-imports

docs: $(VENV)/installed-dev
	$(RUN)python scripts/write_cli_docs.py

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "Python 3.11 to 3.13 is needed: make PYTHON=python3.12 ...")'
	test -x $(RUN)python || $(PYTHON) -m venv $(VENV)
	$(RUN)python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[cpu]'
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(RUN)python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,cpu]'
	touch $@

clean:
	rm -rf $(VENV) demo build dist *.egg-info
