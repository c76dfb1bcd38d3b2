"""A question and a database in, SQL and its rows out."""
