"""GeoReasoner's core: records, the lake of tables, geodesy, the gazetteer, answers, the registry.

Everything else (scrapers, scoring, builders, benchmark, finetune) stands on this package.
"""

__version__ = "0.1.0"
