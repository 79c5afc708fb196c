# Two commands to begin with: `make run` and `make test`. They need Python 3.11 or newer with venv, nothing else.
.DEFAULT_GOAL := help
.PHONY: help run test lint format proof bench stop reset lock

help: ## Lists the commands
	@grep -hE '^[a-z]+:.*##' Makefile | sed -e 's/:.*##/\t/'

run: ## Sets up and starts everything on this machine (PORT, ONEROW_HOME, SAMPLE=small|full)
	@scripts/setup base
	@exec .venv/bin/python manage.py up

test: ## Sets up and runs everything that is checked: lint, types, contracts, migrations, tests
	@scripts/setup dev
	@exec .venv/bin/python scripts/check

lint: ## The part of `make test` that takes seconds
	@scripts/setup dev
	@exec .venv/bin/python scripts/check --without-tests

format: ## Formats the code
	@scripts/setup dev
	@.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format .

proof: ## The long proofs that `make test` runs in short form
	@scripts/setup dev
	@exec .venv/bin/python scripts/proof

bench: ## Measures against the references and writes bench/results.json
	@scripts/setup dev
	@exec .venv/bin/python -m bench

stop: ## Stops a left-over run by its recorded ids
	@scripts/setup base
	@exec .venv/bin/python manage.py stop

reset: ## Deletes all local state after asking
	@scripts/setup base
	@exec .venv/bin/python manage.py reset

lock: ## Writes the hashed locks from pyproject.toml (needs uv)
	uv pip compile --python-version 3.11 --universal --generate-hashes --no-emit-index-url pyproject.toml -o requirements/base.lock
	uv pip compile --python-version 3.11 --universal --generate-hashes --no-emit-index-url --extra dev pyproject.toml -o requirements/dev.lock
