"""Merged weights in, GGUF files of any type out."""
