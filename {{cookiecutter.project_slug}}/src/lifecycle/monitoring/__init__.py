"""What is served, judged against what it was made of."""
