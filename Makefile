.PHONY: check lint perf-scoring test

check: lint test

lint:
	ruff check .
	ruff format --check .
	mypy
	lint-imports

test:
	pytest

# measurements, each with its options in ARGS="..."; see docs/scoring.md
perf-scoring:
	python tests/perf/score.py $(ARGS)
