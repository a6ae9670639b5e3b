"""What a benchmark shares with a lake, found, shown, and left out of a data set."""

from builders.audit.benchmark import Benchmark
from builders.audit.stage import Audit, Settings, audit

__all__ = ["Audit", "Benchmark", "Settings", "audit"]
