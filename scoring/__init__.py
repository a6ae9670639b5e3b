"""Images in; embeddings, locatability scores and groups of duplicates out."""
