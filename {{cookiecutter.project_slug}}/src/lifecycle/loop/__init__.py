"""Retraining, and a replay of months."""
