"""Pages and charts that need nothing else."""
