"""What each feature earns: the model fitted again without it."""
