"""The lifecycle of one model: a module for each stage, and the few that they share."""
