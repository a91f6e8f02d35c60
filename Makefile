# Everything a contributor runs. Plain `make` lists the targets.
# Needs GNU make and Python 3.11 or newer; another one: make test PYTHON3=python3.13

PYTHON3 ?= python3
PYTEST  ?=
SEEDS   ?= 100
SIZE    ?= 100000
ONLY    ?=
SEED    ?=
SECONDS ?= 60
RUNS    ?= 0
STREAMS ?= 100000
BIN     := .venv/bin
PYTHON  := $(BIN)/python

export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONPATH # another copy of the package must not be tested
unexport PYTHONDONTWRITEBYTECODE # a test that starts a process would compile the package anew

.DELETE_ON_ERROR:
.PHONY: help python demo quick test types pythons check code-host counts package diagrams diagrams-check docs docs-check service-check vendor tables bench clock-worlds soak fuzz reading exhaustive mutate mutate-table differential prove constraints clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.stamp ## show what the package does, in your terminal
	@$(PYTHON) examples/demo.py

# The examples of a page share a folder, so that a file of tests stays on one core.
CORES := -n auto --dist loadfile

quick: .venv/.stamp ## run the fast tests, in half a minute on two cores (PYTEST="-k name")
	$(PYTHON) -m pytest $(CORES) --hypothesis-profile quick -m "not slow and not long" tests $(PYTEST)

test: .venv/.stamp ## run tests, docstring and README examples on all cores; the core's branch coverage must be 100 % (PYTEST="-k name")
	$(PYTHON) -m pytest $(CORES) -m "not long" --cov --cov-report= $(PYTEST)
	$(if $(PYTEST),,$(PYTHON) -m coverage report --fail-under=100)

check: .venv/.stamp ## lint, format, types, import rules, generated files, and the built package
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory code-host
	@rm -rf build/diagrams build/tables
	@$(PYTHON) -m cobrowse_session.diagrams build/diagrams
	@diff -r build/diagrams diagrams || { echo "diagrams/ is not what the rows print: make diagrams" >&2; exit 1; }
	@$(PYTHON) -m examples.tables.draw build/tables
	@for one in build/tables/*.svg; do diff $$one examples/tables || { echo "examples/tables/ is not what the rows print: make diagrams" >&2; exit 1; }; done
	@rm -rf build/schemas && $(PYTHON) -m cobrowse_session.service build/schemas
	@diff -r build/schemas examples/schemas || { echo "examples/schemas/ is not what the service prints: make tables" >&2; exit 1; }
	@$(COG) --check --diff $(TABLES) || { echo "the tables of the reference are not what the code prints: make tables" >&2; exit 1; }
	@$(MAKE) --no-print-directory package

code-host: .venv/.stamp ## check the workflow, the issue forms, the compose file and the hooks of pre-commit, without network
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec examples/conversation_service/compose.yaml
	$(BIN)/pre-commit validate-config

counts: .venv/.stamp ## print the counts of the language of src/, beside the level of well-read libraries
	@$(PYTHON) -m tests.language

# The wheels built from the tree and from the sdist must be the same bytes, and work where nothing else is installed.
package: .venv/.stamp ## build wheel and sdist; install the wheel in an empty environment and use it
	@rm -rf build/package
	@mkdir -p build/package
	@echo "building the wheel and the sdist ..."
	@$(PYTHON) -m hatchling build -t sdist -d build/package >/dev/null
	@$(PYTHON) -m pip wheel -qq --no-deps --no-build-isolation -w build/package .
	@$(PYTHON) -m pip wheel -qq --no-deps --no-build-isolation -w build/package/again build/package/*.tar.gz
	@cmp build/package/*.whl build/package/again/*.whl
	@$(ENVIRONMENT) build/package/runtime .ci/locks/runtime.txt build/package/*.whl
	@cd build/package && runtime/bin/python -c "import cobrowse_session, cobrowse_session.wire; print('imported', cobrowse_session.__version__)"
	@$(ENVIRONMENT) build/package/cli .ci/locks/cli.txt build/package/*.whl
	@cd build/package && cli/bin/cobrowse-session --version
	@$(ENVIRONMENT) build/package/testing .ci/locks/testing.txt build/package/*.whl
	@cp -r examples/test_your_handler build/package/project
	@cd build/package/project && ../testing/bin/python -m pytest -q

diagrams: .venv/.stamp ## print the diagrams anew, from the rows
	@$(PYTHON) -m cobrowse_session.diagrams diagrams
	@$(PYTHON) -m examples.tables.draw examples/tables
	@$(BIN)/cobrowse-session timeline examples/call.jsonl s1 --acw mandatory -o examples/call.svg

tables: .venv/.stamp ## print the reference's tables anew, from the code
	@$(COG) -r $(TABLES)
	@$(PYTHON) -m cobrowse_session.service examples/schemas
	@$(PYTHON) -m tests.conformance

COG    := $(BIN)/cog -P --verbosity=0 -I docs -p 'import tables; from cobrowse_session import *'
TABLES := README.md docs/explanation/performance.md docs/explanation/proof.md docs/how-to/pytest.md docs/reference/events.md docs/reference/words.md docs/reference/formats.md docs/reference/errors.md docs/reference/api/tables.md docs/reference/command-line.md docs/reference/payload-fields.md docs/reference/reconcile.md docs/reference/service.md

diagrams-check: .venv/.stamp build/diagrams-check/.stamp build/node/.stamp ## mermaid, Graphviz, XState and others read the diagrams; three renderers draw the same
	@for one in dot chromium rsvg-convert; do command -v $$one >/dev/null || { echo "$$one was not found. Install graphviz, chromium, librsvg2-bin and fonts-dejavu-core." >&2; exit 1; }; done
	@$(PYTHON) -m tests.diagrams_check.expect build/printed
	@cp tests/diagrams_check/check.mjs tests/diagrams_check/chrome-trace.schema.json build/node
	@cd build/node && node check.mjs ../printed
	@build/diagrams-check/bin/python tests/diagrams_check/check_others.py build/printed
	@$(MAKE) --no-print-directory differential STREAMS=300
	@build/diagrams-check/bin/python tests/diagrams_check/check_pictures.py build/printed/*.svg examples/call.svg

docs: .venv/.stamp ## build the documentation into build/docs, each page as Markdown beside it; a warning is an error
	@rm -rf build/docs
	@$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --builder html docs build/docs
	@echo "build/docs/index.html"

docs-check: docs build/docs-check/.stamp ## every page in Chromium at three widths: nothing cut off, legible, accessible; searches find their page
	@command -v chromium >/dev/null || { echo "chromium was not found. Install chromium and fonts-dejavu-core." >&2; exit 1; }
	@build/docs-check/bin/python tests/docs_check/check_pages.py build/docs

vendor: .venv-vendor/.stamp ## the vendor's own Python SDK reads what the package writes (installs 170 MB)
	.venv-vendor/bin/python -m pytest --confcutdir=tests/vendor tests/vendor

service-check: .venv/.stamp build/service-check/.stamp ## schemathesis asks the service everything that OpenAPI allows and does not (SEED=1)
	@$(PYTHON) -m tests.service_check.check build/service-check/bin/st $(SEED)

# Node is optional: without npm the way through XState is left out.
bench: build/bench/.stamp $(if $(shell command -v npm),build/node/.stamp) ## measure beside other ways, in 15 minutes, and write bench/RESULTS.md (SIZE=1000000 events are replayed; ONLY="step log")
	@PYTHONPATH=src build/bench/bin/python -m bench --size $(SIZE) $(ONLY)

clock-worlds: .venv/.stamp ## what clocks do in simulated worlds: the table of docs/explanation/clocks.md (more: .venv/bin/python -m tests.clock_worlds 10 1000 300)
	@$(PYTHON) -m tests.clock_worlds

soak: .venv/.stamp ## simulated worlds (SEEDS=100), the tests with all their examples, other engines, the fuzzer, in some hours; one world: .venv/bin/python -m tests.soak --seed N
	@$(PYTHON) -m tests.soak --seeds $(SEEDS)
	$(PYTHON) -m pytest $(CORES) --hypothesis-profile soak tests
	@$(MAKE) --no-print-directory differential
	@$(MAKE) --no-print-directory fuzz SECONDS=600 RUNS=10000000

reading: .venv/.stamp ## random streams beside an independent reading of the specification (SEEDS=100)
	@$(PYTHON) -m tests.reading_run --seeds $(SEEDS)

fuzz: .venv/.stamp build/fuzz/.stamp ## atheris gives any bytes to every decoder and source, on Linux (ONLY="event payload" SECONDS=600 RUNS=10000000)
	@PYTHONPATH=src $(PYTHON) -m tests.fuzz $(ONLY) --seconds $(SECONDS) --runs $(RUNS)

exhaustive: .venv/.stamp ## search the lifecycle in every state that it can reach, with every event, in half an hour
	@$(PYTHON) -m tests.exhaustive

mutate-table: .venv/.stamp ## one small error in each row of the table: each must be refused, found, or proved to change nothing
	@$(PYTHON) -m tests.table_mutants

mutate: build/mutate/.stamp ## mutants of the code, by mutmut's operators: each must be killed, or there is a reason; goes on where it was stopped (ONLY="lifecycle/own.py stream")
	@build/mutate/bin/python -m tests.mutate $(ONLY)

differential: .venv/.stamp build/diagrams-check/.stamp build/node/.stamp ## XState and python-statemachine run the exported machines on random streams (STREAMS=100000 SEED=1)
	@$(PYTHON) -m tests.differential.streams build/differential --streams $(STREAMS) --seed $(or $(SEED),1)
	@cp tests/differential/xstate.mjs build/node
	@cd build/node && node xstate.mjs ../differential
	@build/diagrams-check/bin/python tests/differential/run_scxml.py build/differential

prove: .venv/.stamp ## run all proofs, in some hours, or some (ONLY="fuzz code"), and keep their figures for docs/explanation/proof.md (make tables)
	@$(PYTHON) -m tests.proof $(ONLY)

pythons: python ## run the tests on every Python from 3.11 on that is found on the PATH or in pyenv
	@$(PYTHON3) .ci/pythons.py

types: .venv/.stamp build/pyright/.stamp ## pyright reads the package as Python 3.11 and as 3.14 (needs Node)
	@for version in 3.11 3.14; do build/pyright/node_modules/.bin/pyright --pythonpath $(PYTHON) --pythonversion $$version || exit 1; done

# Needs the network. Versions stay as they are unless pyproject.toml asks for others: make constraints UPGRADE=--upgrade
constraints: build/uv/.stamp ## write constraints.txt and all other locks anew, for every Python and system
	@$(COMPILE) pyproject.toml --all-extras --group dev --group docs -o constraints.txt
	@$(COMPILE) pyproject.toml -c constraints.txt -o .ci/locks/runtime.txt
	@$(COMPILE) pyproject.toml --extra cli -c constraints.txt -o .ci/locks/cli.txt
	@$(COMPILE) pyproject.toml --extra testing -c constraints.txt -o .ci/locks/testing.txt
	@$(COMPILE) pyproject.toml --extra cli --extra postgresql --extra service --group bench -c constraints.txt -o .ci/locks/bench.txt
	@$(COMPILE) pyproject.toml tests/vendor/requirements.in -c constraints.txt -o tests/vendor/requirements.txt
	@$(COMPILE) tests/diagrams_check/requirements.in -c constraints.txt -o tests/diagrams_check/requirements.txt
	@$(COMPILE) tests/docs_check/requirements.in -c constraints.txt -o tests/docs_check/requirements.txt
	@$(COMPILE) tests/service_check/requirements.in -c constraints.txt -o tests/service_check/requirements.txt
	@$(COMPILE) pyproject.toml tests/mutate/requirements.in --all-extras --group dev -c constraints.txt -o tests/mutate/requirements.txt
	@$(COMPILE) pyproject.toml tests/fuzz/requirements.in --extra fast -c constraints.txt -o tests/fuzz/requirements-linux.txt
	@echo uv | $(COMPILE) - -o .ci/locks/uv.txt
	@echo "looking for a wheel of each package for each Python and system ..."
	@for lock in $(LOCKS); do for python in 3.11.0 3.12.0 3.13.0 3.14.0; do for system in linux aarch64-unknown-linux-gnu macos windows; do \
		$(FIND) --python-version $$python --python-platform $$system -r $$lock || { echo "$$lock: Python $$python, $$system" >&2; exit 1; }; \
	done; done; done

UV      := build/uv/bin/uv
UPGRADE ?=
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11.0 --only-binary :all: --generate-hashes \
	--no-header --no-annotate $(UPGRADE)
FIND    := $(UV) pip install --dry-run --quiet --no-deps --require-hashes --only-binary :all: --target build/uv/none
LOCKS   := constraints.txt .ci/locks/*.txt tests/*/requirements.txt

clean: ## remove everything that was made, the environments too
	@rm -rf .venv* build dist mutants htmlcov .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- Environments: made once, made again when the pins or pyproject.toml change ------------------------------------------------

# Each is exactly its lock. What was there stays until the new one is complete (.ci/environment.py).
ENVIRONMENT := $(PYTHON3) .ci/environment.py

python:
	@command -v $(PYTHON3) >/dev/null || { echo "$(PYTHON3) was not found. Install Python 3.11 or newer, or name one: make PYTHON3=/path/to/python3" >&2; exit 1; }

.venv/.stamp: constraints.txt pyproject.toml | python
	@$(ENVIRONMENT) $(@D) $< --editable .

.venv-vendor/.stamp: tests/vendor/requirements.txt pyproject.toml | python
	@$(ENVIRONMENT) $(@D) $< --editable .

build/diagrams-check/.stamp: tests/diagrams_check/requirements.txt | python
	@$(ENVIRONMENT) $(@D) $<

build/bench/.stamp: .ci/locks/bench.txt | python
	@$(ENVIRONMENT) $(@D) $<

build/docs-check/.stamp: tests/docs_check/requirements.txt | python
	@$(ENVIRONMENT) $(@D) $<

build/service-check/.stamp: tests/service_check/requirements.txt | python
	@$(ENVIRONMENT) $(@D) $<

build/mutate/.stamp: tests/mutate/requirements.txt pyproject.toml | python
	@$(ENVIRONMENT) $(@D) $< --editable .

build/fuzz/.stamp: tests/fuzz/requirements-linux.txt | python
	@$(ENVIRONMENT) $(@D) $<

build/node/.stamp: tests/diagrams_check/package-lock.json | python
	@for one in node npm; do command -v $$one >/dev/null || { echo "$$one was not found. Install Node 20 or newer." >&2; exit 1; }; done
	@$(ENVIRONMENT) $(@D) $<

build/pyright/.stamp: tests/typing/package-lock.json | python
	@command -v npm >/dev/null || { echo "npm was not found. Install Node 20 or newer." >&2; exit 1; }
	@$(ENVIRONMENT) $(@D) $<

build/uv/.stamp: .ci/locks/uv.txt | python
	@$(ENVIRONMENT) $(@D) $<
