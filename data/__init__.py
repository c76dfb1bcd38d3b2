"""A recipe's sources in, checked pairs of question and SQL out; then pairs in, rows for training out."""
