"""Embeddings that are alike: vectors from the lake, indexes over them, neighbours out."""
