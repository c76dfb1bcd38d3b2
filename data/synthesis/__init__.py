"""A database with rows in, questions and queries about it out, each checked by running it."""
