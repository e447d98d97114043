# Every way to build, test and measure msgq. `make` alone says what there is.
#
# Works from any folder (make -C), in any order, twice, and in a checkout whose path has a space in it: all paths below are
# relative. Root is needed by .ci/packages alone.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
ARGS ?=
JOBS ?= $(shell nproc)
export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PY := .venv/bin/python
PYTEST := $(PY) -m pytest
# Tests wait for servers and timers: one process more than there are cores.
SHARDS := $(shell expr $(JOBS) + 1)
# Two processes and no more: tests wait more than they compute, and look at what others do to one machine.
SIDE_BY_SIDE := --numprocesses 2 --dist worksteal
CLANG_FORMAT := clang-format-14
# It reads the compile commands of g++, whose warning options clang need not know, and eight files at a time.
RUN_CLANG_TIDY := run-clang-tidy-14 -quiet -extra-arg=-Wno-unknown-warning-option -j $(JOBS)

# Stamps: what they stand for was done after everything they depend on last changed.
VENV := .venv/.tools
INSTALLED := .venv/.installed

SOURCES := $(shell find cpp python -type f -not -path '*/__pycache__/*' 2>/dev/null)
CPP_FILES = $(shell find cpp tests/cpp benchmarks -name '*.cpp' -o -name '*.h')

.PHONY: help
help: ## Show this help
	@echo "usage: make TARGET [ARGS=...]"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

# --- what everything stands on ---------------------------------------------------------------------------------------

.PHONY: packages lint-packages test-packages fetch-packages
packages:
	@.ci/packages

lint-packages:
	@.ci/packages --lint

test-packages:
	@.ci/packages --test

fetch-packages:
	@.ci/packages --fetch

# A virtual environment that belongs to this checkout, with what pyproject.toml says the build needs.
$(VENV): pyproject.toml | packages
	test -x $(PY) && $(PY) -c '' || $(PYTHON) -m venv --clear .venv
	$(PY) -m pip install --quiet $$(sed -n 's/^requires = \[\(.*\)\]/\1/p' pyproject.toml | tr -d '",')
	touch $@

# msgq itself, built in build/wheel so that a second build only compiles what changed.
$(INSTALLED): $(VENV) $(SOURCES) pyproject.toml CMakeLists.txt README.md
	$(PY) -m pip install --quiet --no-build-isolation --config-settings=build-dir=build/wheel ".[dev]"
	touch $@

.PHONY: install
install: packages $(INSTALLED) ## Build msgq and install it into .venv

# With the Python module in a build of CMake's own.
WITH_MODULE = -DMSGQ_BUILD_PYTHON=ON -DPython_EXECUTABLE="$(CURDIR)/$(PY)" -Dpybind11_DIR="$$($(PY) -m pybind11 --cmakedir)"

# $(call configure,PRESET,FOLDER,OPTIONS): makes build/FOLDER ready as the preset says. Shows what CMake says when it cannot.
define configure
@mkdir -p build
@cmake --preset $(1) -B build/$(2) $(3) >build/configure-$(2).log || { cat build/configure-$(2).log; exit 1; }
endef

# One C++ build: `make cpp-dev`, `make cpp-asan`, ...
.PHONY: cpp-dev cpp-release cpp-asan cpp-tsan cpp-fuzz
cpp-tsan cpp-fuzz: lint-packages
cpp-dev cpp-release cpp-asan cpp-tsan cpp-fuzz: cpp-%: packages
	$(call configure,$*,$*)
	cmake --build --preset $*

# $(call run-ctest,PRESET): the C++ tests of one build, each in a process of its own. Says how many passed and the figures
# that they print, or shows those that did not.
define run-ctest
@echo "ctest --preset $(1)"
@ctest --preset $(1) --parallel $(JOBS) >build/ctest-$(1).log || \
  { grep --invert-match --extended-regexp '^ +Start |   Passed ' build/ctest-$(1).log; exit 1; }
@grep 'tests passed' build/ctest-$(1).log
@grep --no-filename --text '^\[ figures\]' build/$(1)/Testing/Temporary/LastTest.log
endef

# --- what people run -------------------------------------------------------------------------------------------------

.PHONY: demo
demo: install ceilings ## Run the main job on real input, kill a worker, check the result
	$(PY) docs/examples/demo.py $(ARGS)

.PHONY: test
test: install ceilings test-cpp ## Build everything and run every test; ARGS="-k name" go to pytest
	$(PYTEST) $(SIDE_BY_SIDE) $(ARGS)

.PHONY: test-cpp
test-cpp: test-packages cpp-dev ## Build and run the C++ tests alone
	$(call run-ctest,dev)

.PHONY: check
check: install lint-packages cpp-dev ## Formatters, linters, types and the house rules
	$(CLANG_FORMAT) --dry-run --Werror $(CPP_FILES)
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PYTEST) tests/tidy

.PHONY: clang-tidy
clang-tidy: $(VENV) lint-packages ## Read the core and the bindings with clang-tidy
	$(call configure,dev,tidy,$(WITH_MODULE))
	cmake --build build/tidy --target msgq_sql
	$(RUN_CLANG_TIDY) -p build/tidy '/build/tidy/cpp/'

.PHONY: bench
bench: install ceilings ## Run the benchmarks beside their ceilings; ARGS choose, PROFILE=cpu|mem looks inside
	$(PY) -m benchmarks.run $(ARGS)

.PHONY: bench-pg
bench-pg: test-packages install ceilings ## The same on a PostgreSQL server of its own, beside PgQueuer and pgmq
	$(PY) -m benchmarks.run_postgres $(ARGS)

# What the machine itself allows: small programs that the demo and the benchmarks run beside msgq.
.PHONY: ceilings
ceilings: packages
	$(call configure,release,release)
	cmake --build --preset release --target sqlite_ceiling fsync_ceiling pg_ceiling delay_proxy

.PHONY: wheel
wheel: packages ## Install msgq into an empty environment as a user would, and ask it for help
	rm -rf build/wheel-test
	$(PYTHON) -m venv build/wheel-test
	build/wheel-test/bin/python -m pip install --quiet --config-settings=build-dir=build/wheel-alone .
	cd build && wheel-test/bin/python -m msgq --version && wheel-test/bin/msgq --help

# What runs on PostgreSQL runs behind PgBouncer, too, by the same code: once is enough, in make test. The promises are kept
# by the server's functions there; the code that asks them has tests of its own, and those run under every sanitizer.
POOLED := *postgres_pooled*
PROMISES_PG := *Conformance.*/postgres*

# ASLR with more bits than the sanitizers' runtimes of that age expect makes them stop at once: setarch turns it off.
NO_ASLR := $(shell setarch -R true 2>/dev/null && echo setarch -R)

.PHONY: asan
asan: test-packages cpp-asan ## Run the C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(NO_ASLR) .ci/shards asan $(SHARDS) '-$(PROMISES_PG)'

# The same build's extension is put before the installed one. Python is not built with the sanitizers, so their runtimes
# come first by LD_PRELOAD; what the interpreter never frees is not a leak of ours.
# The PostgreSQL room is run by the C++ tests under both; here its tests would wait for the server most of the time.
ASAN_SITE := build/asan-site
.PHONY: asan-python
asan-python: test-packages install ## Run the Python unit tests on an extension under both sanitizers
	$(call configure,asan,asan,$(WITH_MODULE))
	cmake --build --preset asan --target _core
	rm -rf $(ASAN_SITE)
	cmake --install build/asan --prefix $(ASAN_SITE) >/dev/null
	cp -r python/msgq $(ASAN_SITE)
	LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so.6)" \
	ASAN_OPTIONS=detect_leaks=0 PYTHONPATH="$(CURDIR)/$(ASAN_SITE)" \
	  $(NO_ASLR) $(PYTEST) $(SIDE_BY_SIDE) tests/python -k "not postgres and not pgbouncer" --ignore=tests/python/test_conn.py $(ARGS)

# What these tests do is done by one thread; they are two thirds of the time, and run under the other sanitizers.
ONE_THREAD := *PlantedBug*:Simulator.*:Power.*:*StoreSimulator*:$(subst $() ,:,$(patsubst %,*%Conformance.*,Append Bounds Bundle \
  Capability Claim Damage DeadEdit DeadRetention Dedup Keys KeyShares Lease Look Parked Poison Priority QueueSettings \
  Rename Settle Subscription Time))
.PHONY: tsan
tsan: test-packages cpp-tsan ## Run the C++ tests that have threads under ThreadSanitizer
	$(NO_ASLR) .ci/shards tsan $(SHARDS) '-$(ONE_THREAD):$(POOLED)'

.PHONY: fuzz
SECONDS_EACH ?= 60
fuzz: cpp-fuzz ## Run each libFuzzer program for SECONDS_EACH=60
	@mkdir -p build/corpus
	@for program in build/fuzz/tests/cpp/fuzz_*; do \
	  test -f "$$program" -a -x "$$program" || continue; \
	  corpus=build/corpus/$$(basename "$$program"); mkdir -p "$$corpus"; \
	  echo "== $$program"; \
	  $(NO_ASLR) "$$program" -max_total_time=$(SECONDS_EACH) -print_final_stats=1 "$$corpus"; \
	done

.PHONY: torture
torture: test-packages install ## Run the kills, power cuts and floods that take minutes
	$(PYTEST) -m torture -rP $(ARGS)

# MSGQ_TORTURE_SCALE=0.1 for one round of the ten.
.PHONY: torture-pg
torture-pg: test-packages install cpp-dev ## Run the torture of PostgreSQL: 500 kills, a million messages; half an hour
	MSGQ_SWEEP_EVERY_BYTE=1 MSGQ_RESCUES=10000 MSGQ_SIM_SEEDS=200 build/dev/tests/cpp/msgq_tests \
	  --gtest_brief=1 --gtest_filter='PostgresSessionTest.*Cut*:PostgresSessionTest.*Late*:PostgresRescues.*:*StoreSimulator.*'
	$(PYTEST) -m torture_pg -rP $(ARGS)

.PHONY: soak-pg
MINUTES ?= 60
soak-pg: test-packages install ## Load PostgreSQL for MINUTES=60 with a fault every half minute, and report
	$(PY) -m tests.system.soak_postgres --minutes $(MINUTES) $(ARGS)

# $(call run-pg,VERSION,TESTS): those C++ tests on a server of that major version.
define run-pg
@echo "== PostgreSQL $(1)"
@MSGQ_PG_VERSION=$(1) ctest --preset dev --parallel $(JOBS) --tests-regex '$(2)' >build/ctest-pg-$(1).log || \
  { grep --invert-match --extended-regexp '^ +Start |   Passed ' build/ctest-pg-$(1).log; exit 1; }
@grep 'tests passed' build/ctest-pg-$(1).log
endef

.PHONY: conformance-pg
PG_NEWEST ?= 18
conformance-pg: fetch-packages cpp-dev ## Run the conformance suite on the newest PostgreSQL, fetched by npm
	$(call run-pg,$(PG_NEWEST),Conformance.*/postgres( |$$))

.PHONY: test-pg-versions
PG_VERSIONS ?= 13 14 15 16 17 18
test-pg-versions: $(PG_VERSIONS:%=test-pg-%) ## Run the tests that need PostgreSQL on each of PG_VERSIONS, fetched by npm
test-pg-%: fetch-packages install ceilings cpp-dev
	$(call run-pg,$*,[Pp]ostgres)
	MSGQ_PG_VERSION=$* $(PYTEST) -k postgres $(ARGS)

.PHONY: mutation
mutation: test-packages $(VENV) ## Take out each guard of the protocol; the C++ tests must find it
	$(PY) tests/mutation/run.py $(ARGS)

.PHONY: format
format: install lint-packages ## Rewrite all sources in the house format
	$(CLANG_FORMAT) -i $(CPP_FILES)
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

.PHONY: docs
docs: install ## Write the pages that are made from code anew
	$(PY) docs/generate.py

.PHONY: clean
clean: ## Remove everything that was built, .venv included
	rm -rf build .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
