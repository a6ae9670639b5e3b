"""The scripts that made the two tiny base models of ClueWorld, and that can make them again."""
