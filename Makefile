# `make demo` and `make test` do all the set-up themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

RELEASE := models/nutgraf-small

.PHONY: demo test audit lint types gates release install clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[train,dev]"
	touch $@

demo: $(INSTALLED)
	$(BIN)/python -m training.finetune configs/quick.yaml
	$(BIN)/python -m training.evaluate models/quick --data data/test.jsonl --seed seeds/nato.jsonl --out reports/quick
	$(BIN)/nutgraf classify seeds/nato.txt --model models/quick

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

test: lint types
	$(BIN)/python -m pytest

audit: $(INSTALLED)
	$(BIN)/python -m training.audit data $(AUDIT)

# The released model on the test split, against its report under version control.
gates: $(INSTALLED)
	$(BIN)/python -m training.evaluate $(RELEASE) --data data/test.jsonl --seed seeds/nato.jsonl \
	  --baseline $(RELEASE)/report/report.json --gates configs/gates.yaml --out reports/release

# Train the released model anew and make its report the baseline.
release: $(INSTALLED)
	$(BIN)/python -m training.finetune configs/default.yaml
	$(BIN)/python -m training.evaluate $(RELEASE) --data data/test.jsonl --seed seeds/nato.jsonl \
	  --gates configs/gates.yaml --out $(RELEASE)/report
	$(BIN)/python -m training.card $(RELEASE) configs/default.yaml \
	  --report $(RELEASE)/report/report.json --out $(RELEASE)/README.md

clean:
	rm -rf $(VENV) runs reports models/quick
