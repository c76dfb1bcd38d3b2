"""Rows of questions and SQL as they were published in, those that can be learnt out, and why others were left out."""
