"""Tasks and models in, predictions, metrics with intervals and the leaderboard out."""
