"""What a kind of problem decides: metrics, baselines, statistics."""
