"""What was packed elsewhere, delivered to the service of this machine."""
