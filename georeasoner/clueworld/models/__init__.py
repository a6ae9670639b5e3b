"""Where the two tiny base models lie; their cards say how they were made and how good they are."""

from pathlib import Path

CLIP = Path(__file__).with_name("clip")
VLM = Path(__file__).with_name("vlm")
