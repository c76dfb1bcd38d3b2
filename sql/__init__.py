"""SQL text in, facts about it or another text out: guard, style, names, DDL, results compared; no database is open."""
