"""Pairs and a base in, an adapter out."""
