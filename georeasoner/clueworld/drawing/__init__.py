"""How ClueWorld's scenes become pixels and masks, with Pillow and numpy."""
