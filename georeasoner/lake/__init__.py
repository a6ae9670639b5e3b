"""The lake: everything the system knows, as rows of a few Parquet tables in one directory.

    LAKE/lake.json            the format's number
    LAKE/commits/000001.json  which shards belong together; a shard that no commit names is no data
    LAKE/TABLE/*.parquet      the shards
    LAKE/stages/NAME.json     the last run of a stage: sums, fingerprint, provenance

Rows of several tables that belong together (a view and its picture) are written as one commit, so
that a run that dies leaves all of them or none.
"""

from georeasoner.lake.images import read_image
from georeasoner.lake.keys import KeySet
from georeasoner.lake.store import FORMAT, Lake
from georeasoner.lake.writer import Sums, Writer, write_shard

__all__ = ["FORMAT", "KeySet", "Lake", "Sums", "Writer", "read_image", "write_shard"]
