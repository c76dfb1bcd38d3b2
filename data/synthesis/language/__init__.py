"""A name, a value or a condition in, the words that people use for it out."""
