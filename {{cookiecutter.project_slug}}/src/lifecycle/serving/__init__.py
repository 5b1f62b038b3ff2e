"""What answers requests; with the contract, all that a Bento carries."""
