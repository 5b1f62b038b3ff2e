"""The language of features.py: what stands there, and how it is computed."""
