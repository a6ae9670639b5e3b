"""A data set in, the two stacked LoRA adapters out."""
