"""`python -m sql_llama.cli` is `sql-llama`."""

from .main import main

main()
