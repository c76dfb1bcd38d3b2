"""`sql-llama data`: sources in, checked pairs and what is wrong with them out."""
