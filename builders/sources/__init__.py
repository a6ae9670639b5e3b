"""View sources, one file each."""
