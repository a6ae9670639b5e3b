"""The README.md of a learned locatability: what it is for, what it was fitted on, how well it does.

Every figure in it is counted or measured by the fit; it claims nothing else.
"""

from __future__ import annotations

from typing import Any

import yaml


def card(name: str, record: dict[str, Any]) -> str:
    """The card with the Hub's header, from a fit's provenance with its sums and figures."""
    config, figures = record["config"], record["figures"]
    synthetic = config["synthetic_only"]
    header = {
        "library_name": "georeasoner",
        "pipeline_tag": "image-classification",
        "tags": ["geolocation", "street-view", "locatability", *(["synthetic"] * synthetic)],
    }
    warning = (
        "> **Synthetic.** Fitted on drawn scenes alone: what it says of photographs means"
        " nothing.\n\n"
    )
    rows = "\n".join(
        f"| {t:.0f} km | {figures[f'mean_share_{t:.0f}km']:.3f}"
        f" | {figures[f'mean_p_{t:.0f}km']:.3f}"
        f" | {_number(figures[f'spearman_{t:.0f}km'])} | {figures[f'squared_error_{t:.0f}km']:.4f}"
        f" | {figures[f'squared_error_of_the_mean_{t:.0f}km']:.4f} |"
        for t in config["thresholds_km"]
    )
    excluded = record["sums"]["excluded"]
    left_out = ", ".join(f"{reason} {n:,}" for reason, n in sorted(excluded.items())) or "none"
    return f"""---
{yaml.safe_dump(header, sort_keys=False)}---

# {name}

{warning if synthetic else ""}The probability that a model places a street view within 25, 200 and \
750 km, from its CLIP embedding and the shares of 150 ADE20K classes. The locatability is the mean \
of the three.

    georeasoner score LAKE --scorer learned --model {name}

It reads the embeddings of `{config["embeddings"]}` and class shares by `{config["shares"]}`, so \
`score` a lake by that first. A view with training views in its neighbourhood is scored by the \
heads that saw nothing of that; any other by the mean of all.

## The fit

{config["views"]:,} views (left out: {left_out}; data {config["data"]}), on the errors of: \
{", ".join(f"`{model}`" for model in config["models"])}. {config["folds"]} folds of H3 cells \
(neighbourhood `{config["neighbourhood"]}`), \
{config["features"]:,} random Fourier features, ridge regression, Platt's calibration on held-out \
cells, seed {config["seed"]}, code {record["code_revision"][:12]}.

Cross-fitted, on these views:

| within | share of models | mean probability | Spearman of the locatability with the share | \
squared error | of the mean share |
| --- | --- | --- | --- | --- | --- |
{rows}

## Limits

- It foretells these models. For a much better or worse one the order of the views may hold, the \
probabilities do not.
- It knows views like those it was fitted on; for others it says something all the same.
- The embeddings come from one CLIP: with another, or another revision, it does not work.
"""


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
