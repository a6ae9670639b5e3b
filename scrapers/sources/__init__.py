"""The clue sources, one file each; `georeasoner.registry` finds them by name."""
