"""A locatability learned from models' errors: fitted, saved, loaded, applied."""
