# The template's own vocabulary: people, hooks and CI run the same targets. `make help` lists them.
PYTHON ?= python3
PROJECT := {{cookiecutter.project_slug}}

# What the caller's shell, pip, git or proxy are set to changes nothing, as in a project: that module
# says which variables are taken away (-NAME), and which are set (NAME:=value).
SPACE := $(subst ,, )
# (`python3` may be a script of bash, and so is what follows.)
INHERITED := $(shell unset BASH_ENV; $(PYTHON) -I -S '$(PROJECT)/src/lifecycle/core/inherited.py' 2> /dev/null)
$(foreach name,$(patsubst -%,%,$(filter -%,$(INHERITED))),$(if $(findstring environment,\
  $(origin $(name))),$(eval $(name) :=)$(eval unexport $(name))))
$(foreach one,$(filter-out -%,$(INHERITED)),$(eval export $(one)))
unexport BASH_ENV PYTHONPATH

# No .SHELLFLAGS: macOS's make, 3.81, ignores it. So each recipe ends by itself where a part of it fails.
SHELL := bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

BIN := .venv/bin
DEMO := build/demo
# On two cores: half of the time a test waits for what it has started.
WORKERS ?= 3
# Finds packages where pip finds them, in a company's own index as well.
# Without a cache beside the sources: it would be generated into every project.
UV := PYTHONPATH='$(CURDIR)/$(PROJECT)/src' '$(CURDIR)/$(BIN)/python' -B -m lifecycle package-index '$(CURDIR)/$(BIN)/uv'
WORKFLOWS := $(wildcard .github/workflows/*.yml)
# Empty, or every process compiles every library anew where the caller's shell forbids bytecode.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONUTF8 := 1

EXAMPLE := build/example
ANSWERS ?=

.PHONY: help setup demo example example-check test check lint types workflows docs pictures benchmark benchmark-serving \
  benchmark-adopt benchmark-pull-request benchmark-own-data mutants lock clean

help: ## List every target.
	@awk 'BEGIN {FS = ":.*## "} /^[a-z][a-z-]*:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.complete ## Make .venv with everything the template needs, from the lock.

.venv/.complete: requirements.txt $(PROJECT)/requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "ERROR: Python 3.11 or newer is needed: type make PYTHON=/path/to/python3.13" >&2; exit 1; }
	rm -rf .venv
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  --requirement '$(PROJECT)/requirements/bootstrap.txt'
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements.txt
	touch $@

demo: setup ## Generate a project with the default answers; take it through its whole lifecycle.
	@if [ -e $(DEMO) ] && [ ! -e $(DEMO)/.made-by-make-demo ]; then \
	  echo "ERROR: $(DEMO) is not from make demo: move it away, then type make demo" >&2; exit 1; fi
	@if [ -x $(DEMO)/*/.venv/bin/python ]; then $(MAKE) -C $(DEMO)/*/ stop || true; fi
	rm -rf $(DEMO)
	mkdir -p $(DEMO) && touch $(DEMO)/.made-by-make-demo
	$(BIN)/cookiecutter . --no-input --output-dir $(DEMO)
	$(MAKE) --no-print-directory -C $(DEMO)/*/ setup
	$(MAKE) --no-print-directory -C $(DEMO)/*/ lifecycle
	@echo "project    $$(echo $(DEMO)/*/): cd there to go on; make -C $$(echo $(DEMO)/*/) stop ends its service"

example: setup ## Generate a project into build/example; ANSWERS="dvc_remote=s3 licence=MIT" chooses.
	rm -rf $(EXAMPLE)
	$(BIN)/cookiecutter . --no-input --output-dir $(EXAMPLE) $(ANSWERS)

example-check: example ## Generate one with ANSWERS=..., install it, and let it check and test itself.
	$(MAKE) --no-print-directory -C $(EXAMPLE)/*/ setup check test

# Each worker generates and runs a project of its own; a file's tests share one.
test: setup ## Generate projects with every answer, and run them; ONLY=... chooses tests, SEED=123 shuffles them.
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder tests $(if $(ONLY),-k '$(ONLY)') \
	  $(if $(SEED),--random-order-seed=$(SEED))

check: lint types workflows docs ## Everything that needs no run: lint, types, workflows, site.

lint: setup ## Lint and format-check all Python, that of the project included, and its Dockerfiles.
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --no-cache --check .
	$(BIN)/hadolint '$(PROJECT)'/.devcontainer/Dockerfile '$(PROJECT)'/deploy/Dockerfile '$(PROJECT)'/deploy/mlflow/Dockerfile

types: setup ## Type-check hooks, tests and benchmarks.
	$(BIN)/mypy hooks tests docs/pictures $(wildcard benchmarks)

workflows: setup ## Check all workflows, those of a project too, for security, meaning and schema.
	$(BIN)/zizmor --offline --no-progress --strict-collection --persona pedantic .github '$(PROJECT)/.github'
	@# A workflow that calls another looks for it from its repository's root.
	rm -rf build/workflows && mkdir -p build/workflows && cp -R '$(PROJECT)/.github' build/workflows && \
	  git init --quiet build/workflows
	for folder in . build/workflows; do (cd $$folder && PATH="$(CURDIR)/$(BIN):$$PATH" && \
	  actionlint -no-color -oneline && jactionlint --no-online --oneline --profile correctness) || exit 1; done
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(WORKFLOWS:%='%') '$(PROJECT)'/.github/workflows/*.yml

docs: setup ## Build the site into build/site; a link that leads nowhere is an error.
	@# Not --quiet: what is not said is not counted. What the theme would say is in docs/explanation.md.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir build/site

pictures: setup ## Draw and take the pictures of README and site, from a real run; takes minutes, needs npm.
	PYTHONPATH=tests $(BIN)/python docs/pictures/make_pictures.py

benchmark: setup ## Measure the lifecycle against a plain script; takes minutes.
	$(BIN)/python benchmarks/lifecycle.py

benchmark-serving: setup ## Measure the service against FastAPI and MLflow; takes minutes, needs wrk.
	$(BIN)/python benchmarks/serving.py

benchmark-adopt: setup ## Measure time and memory of make adopt and ingest by the number of rows; takes minutes.
	$(BIN)/python benchmarks/adopt_memory.py

benchmark-pull-request: setup ## Measure how long a pull request waits for its workflow; takes minutes.
	$(BIN)/python benchmarks/pull_request.py

benchmark-own-data: setup ## Take nine real data sets through adopt and the lifecycle; takes an hour. SETS="iris wages" chooses.
	$(BIN)/python benchmarks/own_data.py $(SETS)

# In a project that is thrown away: its modules are written over.
mutants: setup ## Count the mutants of what decides that a project's own tests kill; MODULES="rollout tasks/rules" chooses.
	rm -rf build/mutants
	$(BIN)/cookiecutter . --no-input --output-dir build/mutants
	$(MAKE) --no-print-directory -C build/mutants/*/ setup
	$(UV) pip install --quiet --python build/mutants/*/.venv/bin/python --require-hashes --requirement benchmarks/mutants.txt
	cd build/mutants/*/ && PATH="$$PWD/.venv/bin:$$PATH" PYTHONPATH=src .venv/bin/python -P '$(CURDIR)/benchmarks/mutants.py' $(MODULES)

LOCK := $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 \
  --generate-hashes --no-header --no-annotate

lock: setup ## Renew every lock: the template's, and the project's for each remote.
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) benchmarks/mutants.in -c '$(PROJECT)/requirements/development-local.txt' -o benchmarks/mutants.txt
	cd '$(PROJECT)/requirements' && $(LOCK) serving.in -o serving.txt && \
	for remote in local s3 gs azure; do \
	  echo "dvc[$$remote]" | sed 's/\[local\]//' | \
	    $(LOCK) development.in - -c serving.txt -o development-$$remote.txt || exit 1; done && \
	$(LOCK) bootstrap.in -c development-local.txt -o bootstrap.txt && $(LOCK) audit.in -o audit.txt && \
	cd ../deploy/mlflow && \
	$(LOCK) requirements.in -c ../../requirements/development-local.txt -o requirements.txt

clean: ## Remove environment, caches and everything that was built.
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
