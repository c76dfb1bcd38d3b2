"""The path of a live database in, its schema, its cells and the rows of a query out; nothing can be written to it."""
