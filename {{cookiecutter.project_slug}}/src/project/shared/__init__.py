"""What several of the owner's files need: an input of every stage that runs one of them."""
