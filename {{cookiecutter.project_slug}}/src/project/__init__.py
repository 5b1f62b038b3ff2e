"""What makes this project this one: features, model, source and hyper-parameters."""
