"""Facts about a database in, a question with its query out: one module a kind of query."""
