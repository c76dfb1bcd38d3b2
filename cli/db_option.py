"""What `--db` takes, said once."""

DB_HELP = (
    "A file (SQLite, DuckDB, CSV, Parquet, JSON), a folder of such table files, or a URL: sqlite:///FILE, "
    "duckdb:///FILE, postgresql://USER@HOST/NAME, mysql://USER@HOST/NAME."
)
