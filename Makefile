# Two commands on a fresh machine: make demo, make test. Each does all its set-up.
.PHONY: help setup demo test chaos-registry chaos-ship chaos-workers lint bench bench-registry bench-workers bench-ship docs format
.DEFAULT_GOAL := help
bin := .venv/bin

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Virtual environment, locked dependencies, engines where they may be installed
	@bash .ci/setup

demo: setup ## Ship the example fleet on this machine, for real
	@$(bin)/shipway demo

test: setup ## All tests
	@$(bin)/pytest -q -n 2 --dist loadgroup

chaos-registry: setup ## A thousand pushes and copies through faults, a thousand tags pruned
	@SHIPWAY_CHAOS_RUNS=1000 $(bin)/pytest -q -s tests/property/test_faulty_registries.py
	@SHIPWAY_PRUNE_TAGS=1000 $(bin)/pytest -q tests/e2e/test_prune.py

chaos-ship: setup ## A hundred ships killed at random moments, and as many through other trouble
	@SHIPWAY_CHAOS_RUNS=100 $(bin)/pytest -q -s tests/e2e/test_ship_chaos.py

chaos-workers: setup ## Forty images built by four worker processes, one of them killed in the middle
	@SHIPWAY_WORKERS_IMAGES=40 SHIPWAY_WORKERS=4 SHIPWAY_WORKERS_ENGINE=buildah \
		$(bin)/pytest -q -s tests/e2e/test_workers.py -k killed

contract: setup ## What Assemble makes, held to buildah and to BuildKit, every line to both
	@SHIPWAY_ASSEMBLE_ENGINES=both $(bin)/pytest -q tests/contract/test_assemble_contract.py

lint: setup ## Style, types, import layers, lock
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .
	@$(bin)/mypy
	@$(bin)/lint-imports
	@$(bin)/uv lock --check --quiet

bench: setup ## Measure speed; ratios and whole-process figures
	@$(bin)/python -m benchmarks.run

bench-registry: setup ## Measure registry commands beside crane, oras, skopeo (BENCH_PEERS=DIR)
	@$(bin)/python -m benchmarks.registry

bench-ship: setup ## Measure ship beside bake, and loops over docker and buildah (BENCH_PEERS=DIR:DIR)
	@$(bin)/python -m benchmarks.ship

bench-workers: setup ## Ship one fleet by one worker and by two, on this machine
	@$(bin)/python -m benchmarks.workers

docs: setup ## Regenerate what is generated: the schema of the fleet file and the pages of the rules
	@$(bin)/python -m shipway.fleet.schema > shipway.schema.json
	@$(bin)/python -m shipway.checks.pages

format: setup ## Rewrite files in the house's format
	@$(bin)/ruff check --fix --quiet . || true
	@$(bin)/ruff format --quiet .
