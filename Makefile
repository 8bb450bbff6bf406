# Every command of the project. `make` alone lists them. Works with GNU make 3.81 and newer.
# PYTHON may name any Python 3.11 or newer; ARGS is handed on to the command that is run.

PYTHON ?= python3
ARGS ?=

ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif

.DEFAULT_GOAL := help
.PHONY: help setup demo dev cdk example example-named test lint fmt bench mutate fuzz lock clean demo-set dev-set browser

help:  ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

setup: dev-set browser  ## make .venv with everything, and find a browser for the tests

demo: demo-set  ## deploy the stack to this machine and serve a private gallery (ARGS=--check: run the story and exit)
	@$(BIN)/signer dev --cdk $(ARGS)

dev: demo-set  ## the same gallery put together without a stack, in seconds (ARGS=--s3-only, ARGS="--rotate-every 60s")
	@$(BIN)/signer dev $(ARGS)

cdk: demo-set  ## the CDK's command line (ARGS="synth -c config=media.toml"; docs/deploy.md)
	@$(BIN)/python tools/cdk.py $(ARGS)

example: example-named dev-set  ## serve an example backend behind a local CloudFront (ARGS=flask, fastapi or django)
	@$(BIN)/python examples/backends/run.py $(ARGS)

# Before anything is installed.
example-named:
	$(if $(ARGS),,$(error say which: make example ARGS=flask, ARGS=fastapi or ARGS=django))

test: setup lint  ## lint, then all tests with coverage (ARGS='--no-cov tests/test_wire.py': some)
	@$(BIN)/python -m pytest -n 3 --cov --cov-report=term-missing:skip-covered $(ARGS)

lint: dev-set  ## style, types, layers, and what must never be in the tree
	@$(BIN)/python tools/lint.py

fmt: dev-set  ## format the code and fix what can be fixed
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: dev-set  ## the benchmark table
	@$(BIN)/python -m benchmarks $(ARGS)

mutate: dev-set  ## mutation testing of the core (ARGS: names of mutants)
	@$(BIN)/mutmut run $(ARGS)
	@$(BIN)/mutmut results

fuzz: dev-set  ## fuzz the verifier until stopped (ARGS="--seconds 60")
	@$(BIN)/python -m tests.fuzz_verifier $(ARGS)

lock: dev-set  ## resolve the dependencies again (ARGS=--upgrade)
	@$(BIN)/python tools/lock.py $(ARGS)

clean:  ## remove .venv, builds and caches
	@$(PYTHON) tools/clean.py

demo-set:
	@$(PYTHON) tools/environment.py demo

dev-set:
	@$(PYTHON) tools/environment.py dev

browser: dev-set
	@$(BIN)/python tools/browser.py
