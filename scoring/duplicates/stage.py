"""Near-duplicates: embeddings, hashes and positions in, the whole table `duplicates` out.

Files with the same SHA-256 are one picture. Two pictures are near-duplicates when the cosine of
their embeddings reaches `threshold`, or their perceptual hashes nearly agree, and they were taken
within `near_km` of each other: streets and fog look alike in many places, a second photograph of
one place is taken beside the first. From `far_threshold` on two pictures are taken for the same
one wherever they claim to be, and the distance is reported as a conflicting geotag.

The member kept is the most locatable one, and every other is a near-duplicate of that very one
(`groups`). A run that was killed goes on at the last step it finished (`work`).
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from georeasoner.errors import UnknownNameError
from georeasoner.geodesy import haversine_km
from georeasoner.lake import Lake, Sums
from georeasoner.progress import log
from georeasoner.provenance import fingerprint
from georeasoner.records import table
from scoring.choose import choose_model, choose_score
from scoring.duplicates.groups import Ints, Pictures, Rule, find_leaders
from scoring.duplicates.pictures import Views, read_pictures, read_views
from scoring.duplicates.work import Work
from scoring.search.index import METHODS

STAGE = "dedup"
HASH_BITS = 10
_STEPS = "1"  # change it when steps that an older version left must not be gone on from


def dedup(
    lake: Lake,
    model: str | None = None,
    scores: str | None = None,
    threshold: float = 0.95,
    near_km: float = 1.0,
    far_threshold: float = 0.99,
    hash_bits: int | None = HASH_BITS,
    method: str = "auto",
) -> Sums:
    """Find the duplicates of a lake and write the table anew; nothing happens when it is current.

    `model` names the embeddings and `scores` the locatability that picks the member to keep; both
    may be left out where the lake has one. A lake without embeddings is compared by its perceptual
    hashes. `hash_bits` is in how many of 64 bits these may differ (None: they are not compared),
    `method` how embeddings are searched (`scoring.search`). Reasons: exact (the same bytes as the
    member kept), perceptual or embedding, with `_conflicting_geotag` where the two are more than
    `near_km` apart. Raises `InputError` or `UnknownNameError` without embeddings or scores of that
    name, `ConfigError` for a setting out of range.
    """
    rule = Rule(threshold, near_km, far_threshold, hash_bits)
    if method not in METHODS:
        raise UnknownNameError(f"search method {method!r}", f"one of {', '.join(METHODS)}")
    model_id = None if model is None and _hashes_alone(lake, rule) else choose_model(lake, model)
    score_id = choose_score(lake, scores, model_id)
    config = {
        "model": model_id, "scores": score_id, "threshold": threshold, "near_km": near_km,
        "far_threshold": far_threshold, "hash_bits": hash_bits, "method": method,
    }  # fmt: skip
    state = lake.state("views", "embeddings", "scores", "removals")
    if lake.is_current(STAGE, config, state) and (lake.root / "duplicates").is_dir():
        sums = (lake.last_run(STAGE) or {})["sums"]
        return Sums(
            sums["accepted"], *(Counter(sums[k]) for k in ("excluded", "rejected", "notes"))
        )
    with lake.writing(STAGE, config, whole=["duplicates"], inputs=state) as out:
        work = Work(lake, STAGE, fingerprint(_STEPS, config, state))
        views, phash, hashed = read_views(lake, score_id)
        pictures = read_pictures(lake, model_id, views, phash, hashed, work)
        leaders = find_leaders(pictures, rule, method, work)
        rows = duplicate_rows(views, pictures, leaders, rule)
        out.add("duplicates", rows)
        bare = int((np.isnan(pictures.norm) & ~pictures.hashed)[views.picture].sum())
        out.accept(count=len(views.view_id) - bare)
        if bare:
            out.exclude("no_embedding", bare)  # compared by their bytes alone
        kept = pc.sum(rows["keep"]).as_py() or 0
        out.note("groups", kept)
        out.note("dropped", rows.num_rows - kept)
        conflicts = pc.sum(pc.ends_with(rows["reason"], "conflicting_geotag")).as_py() or 0
        out.note("conflicting_geotags", conflicts)
    work.close()
    return out.sums


def _hashes_alone(lake: Lake, rule: Rule) -> bool:
    """Whether the lake has perceptual hashes to compare, and no embeddings."""
    if rule.hash_bits is None or next(lake.batches("embeddings", ["model"], 1), None):
        return False
    hashed = any(b["phash"].null_count < len(b) for b in lake.batches("scores", ["phash"], 65536))
    if hashed:
        log("dedup: the lake has no embeddings; pictures are compared by their hashes")
    return hashed


def duplicate_rows(views: Views, pictures: Pictures, leaders: Ints, rule: Rule) -> pa.Table:
    """Rows of `duplicates`, group by group, the view to keep first, whose id is the group's."""
    leader = leaders[views.picture]
    size = np.bincount(leader, minlength=len(pictures))
    member = np.flatnonzero(size[leader] > 1)
    member = member[np.argsort(leader[member], kind="stable")]  # by group, then by worth
    picture, led = views.picture[member], leader[member]
    kept = views.first[led]
    distance_km = haversine_km(
        views.lat[member], views.lon[member], views.lat[kept], views.lon[kept]
    )
    exact = picture == led
    cosine, bits = pictures.cosine(picture, led), pictures.bits(picture, led)
    perceptual = rule.by_hash(cosine, bits, pictures.distance_km(picture, led))
    reason = np.select([exact, perceptual], ["exact", "perceptual"], "embedding").astype(object)
    reason[distance_km > rule.near_km] += "_conflicting_geotag"
    reason[member == kept] = "kept"
    cosine[exact] = 1.0
    rows = {
        "view_id": views.view_id.take(pa.array(member)),
        "group_id": views.view_id.take(pa.array(kept)),
        "similarity": pa.array(cosine.astype(np.float32), from_pandas=True),
        "hash_distance": pa.array(bits, from_pandas=True).cast(pa.int32()),
        "keep": member == kept,
        "reason": pa.array(reason, pa.string()),
    }
    return pa.table(rows, schema=table("duplicates").schema)
