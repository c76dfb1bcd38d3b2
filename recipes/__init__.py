"""The name of a recipe in, its TOML file or the starter adapter out: data only."""
