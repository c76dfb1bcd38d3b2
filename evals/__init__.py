"""Answers to evidence: metrics and the report of a question file."""
