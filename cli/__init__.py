"""Click commands, one module each, and the REPL."""
