"""Judged answers in, numbers with intervals and tests out."""
