# Two commands: `make lab` opens the console, `make test` runs every test. Each does its own set-up.
#   make lab ARGS="run --all"     passes arguments to pghalab
#   make test ARGS="-k quorum"    passes arguments to pytest
#   make soak                     kills runs, interferes with labs, loads shells for an hour (PGHALAB_SOAK_SEED=… repeats one,
#                                 PGHALAB_SOAK_MINUTES=… says how long the shells are loaded)
#   make bench                    measures (ARGS="--json" for machines)
#   make mutants                  breaks the code and counts what the unit tests notice (ARGS="checks --sample 50")

PY := .venv/bin/python
ARGS ?=
# How many processes there are is said in tests/conftest.py. Those that start no lab come first, in more of them: beside
# labs they would wait, and be waited for.
PYTEST := $(PY) -m pytest -n logical --maxprocesses 6 --dist loadgroup --no-loadscope-reorder --durations 20 --durations-min 10
# Where Python may not keep what it has compiled, every start compiles all of pghalab again, which a person would wait for.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: lab test check soak bench mutants lock clean

lab:
	@sh scripts/setup.sh run
	@sh scripts/engine.sh
	@$(PY) -m pghalab $(ARGS)

test:
	@sh scripts/setup.sh dev
	@sh scripts/engine.sh
	@sh scripts/browser.sh
	@$(MAKE) --no-print-directory check
ifeq ($(strip $(ARGS)),)
	@$(PYTEST) tests --ignore tests/live; quick=$$?; $(PYTEST) tests/live && exit $$quick
else
	@$(PYTEST) $(ARGS)
endif

check:
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(PY) -m pghalab lint

soak:
	@sh scripts/setup.sh dev
	@sh scripts/engine.sh
	@PGHALAB_REQUIRE_ENGINE=1 $(PY) -m pytest -m soak -s tests/live $(ARGS)

bench:
	@sh scripts/setup.sh dev
	@sh scripts/engine.sh
	@$(PY) -m tests.bench $(ARGS)

mutants:
	@sh scripts/setup.sh dev
	@$(PY) -m tests.mutants $(ARGS)

COMPILE = uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate

# Writes the lock files anew from pyproject.toml: hashes, no addresses.
lock:
	$(COMPILE) --upgrade scripts/build-backend.in -o scripts/build-backend.lock
	$(COMPILE) --upgrade pyproject.toml -c scripts/build-backend.lock -o requirements.lock
	$(COMPILE) pyproject.toml --group dev -c requirements.lock -c scripts/build-backend.lock -o requirements-dev.lock

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache mutants mutants.log
