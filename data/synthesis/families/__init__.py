"""Tables of templates and the facts of a database in, a question with its query out."""
