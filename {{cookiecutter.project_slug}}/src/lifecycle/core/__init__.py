"""What every command shares: parameters, git, processes, tables."""
