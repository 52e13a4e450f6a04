# `make demo` and `make test` do all the set-up themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test audit lint types install clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[train,dev]"
	touch $@

demo: $(INSTALLED)
	$(BIN)/python -m training.finetune configs/quick.yaml
	$(BIN)/python -m training.evaluate models/quick data/test.jsonl --seed seeds/nato.jsonl --out reports/quick
	$(BIN)/nutgraf classify seeds/nato.txt --model models/quick

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

test: lint types
	$(BIN)/python -m pytest

audit: $(INSTALLED)
	$(BIN)/python -m training.audit data

clean:
	rm -rf $(VENV) runs reports models/quick
