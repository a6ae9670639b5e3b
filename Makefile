.PHONY: check lint test perf-dedup

check: lint test

lint:
	ruff check .
	ruff format --check .
	mypy
	lint-imports

test:
	pytest

# time, memory, precision and recall on planted duplicates; about 20 minutes and 5 GB of disk
perf-dedup:
	python tests/perf/dedup.py
