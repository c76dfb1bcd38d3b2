"""Sources to checked pairs: load, normalise, synthesise, validate by running, split by schema."""
