"""A question file in, questions with their databases out."""
