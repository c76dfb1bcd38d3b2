"""DDL text of any dialect in, a schema out; and a schema in, DDL out."""
