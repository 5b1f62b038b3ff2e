"""The pure stages, from the source to the evaluation."""
