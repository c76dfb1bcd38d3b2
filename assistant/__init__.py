"""Question and database to answer: prompt, generate, check, run read-only."""
