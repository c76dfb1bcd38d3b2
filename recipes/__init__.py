"""One TOML file per fine-tune, and the starter adapter: data only."""
