"""Pairs to adapter: preflight, QLoRA, progress, resume."""
