"""A base and an adapter in, the rows of merged weights out."""
