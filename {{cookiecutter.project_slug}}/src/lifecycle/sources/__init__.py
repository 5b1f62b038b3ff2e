"""Sources that params.yaml names: files, addresses and databases, read without code."""
