.PHONY: check check-facts lint perf-dedup perf-scoring test

check: lint test

lint:
	ruff check .
	ruff format --check .
	mypy
	lint-imports

test:
	pytest

# the facts of the corpus that ships against second tables; see docs/builtin-clues.md
check-facts:
	python -m scrapers.builtin.compare $(FOLDER)

# measurements, each with its options in ARGS="..."; see docs/scoring.md
perf-dedup:
	python tests/perf/dedup.py $(ARGS)

perf-scoring:
	python tests/perf/score.py $(ARGS)
