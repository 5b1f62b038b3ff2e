"""Your own data: the owner's files written from a profile of it."""
