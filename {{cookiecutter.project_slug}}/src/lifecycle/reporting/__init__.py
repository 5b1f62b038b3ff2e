"""One page about the whole lifecycle."""
