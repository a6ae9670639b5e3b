"""Near-duplicates: which pictures of a lake are the same, and which of them is kept."""
