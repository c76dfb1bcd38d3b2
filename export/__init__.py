"""Adapter to GGUF and certificate: merge, convert, quantize, certify, register."""
