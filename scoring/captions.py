"""What CLIP is asked about a country: StreetCLIP's caption (Haas et al. 2023, arXiv 2302.00275)."""

from __future__ import annotations

from collections.abc import Sequence

from georeasoner.gazetteer import Gazetteer

COUNTRY_CAPTION = "A Street View photo in {}."


def country_captions(codes: Sequence[str], gazetteer: Gazetteer) -> list[str]:
    """One caption for each country, by its English name."""
    return [COUNTRY_CAPTION.format(gazetteer.name(code)) for code in codes]
