"""CLIP: which model is meant, its two towers, and what one pass of it gives."""
