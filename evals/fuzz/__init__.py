"""A database in, copies with other rows out, on which a query that is right by luck is wrong."""
