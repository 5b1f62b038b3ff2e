"""What is kept of models: runs, versions, verdicts, Bentos, deployments."""
