"""What every room shares: records, prompt, schema, read-only SQL. Imports no sibling and no torch."""
