.PHONY: check lint perf-dedup perf-scoring test

check: lint test

lint:
	ruff check .
	ruff format --check .
	mypy
	lint-imports

test:
	pytest

# measurements, each with its options in ARGS="..."; see docs/scoring.md
perf-dedup:
	python tests/perf/dedup.py $(ARGS)

perf-scoring:
	python tests/perf/score.py $(ARGS)
