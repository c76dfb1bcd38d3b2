"""A seed in, databases with made-up rows out."""
