"""A command line in, one call into the rooms and what is printed out."""
