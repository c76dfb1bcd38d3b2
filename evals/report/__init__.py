"""Judged answers and their numbers in, a page of HTML and Markdown out."""
