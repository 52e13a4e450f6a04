# `make demo` and `make test` do all the set-up themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

RELEASE := models/nutgraf-small

.PHONY: demo test audit lint types gates fuzz release docs install lock clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation \
	  --editable ".[train,dev]"
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

# Search each target for SECONDS for an input that breaks it; see tests/fuzz/__main__.py.
SECONDS ?= 600
fuzz: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[fuzz]"
	for target in text html jsonl; do \
	  $(BIN)/python -m tests.fuzz $$target --seconds $(SECONDS) || exit 1; \
	done

# Train the released model anew and make its report the baseline.
release: $(INSTALLED)
	$(BIN)/python -m training.finetune configs/default.yaml
	$(BIN)/python -m training.evaluate $(RELEASE) --data data/test.jsonl --seed seeds/nato.jsonl \
	  --gates configs/gates.yaml --out $(RELEASE)/report
	$(BIN)/python -m training.card $(RELEASE) configs/default.yaml \
	  --report $(RELEASE)/report/report.json --out $(RELEASE)/README.md

# The API reference and the pages of docs/, as web pages.
docs: $(INSTALLED)
	$(BIN)/python docs/build.py build/docs

# The checksums of what constraints.txt pins. Not torch: one version has other files for a CPU and
# for each CUDA.
lock: constraints.txt
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet uv
	grep -v '^torch==' constraints.txt | build/lock/bin/uv pip compile - --quiet --no-deps \
	  --universal --generate-hashes --no-annotate --output-file requirements.lock \
	  --custom-compile-command 'make lock'

clean:
	rm -rf $(VENV) runs reports models/quick
