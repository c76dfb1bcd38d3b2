"""Files of public layouts in, examples with their schemas out: one module a layout."""
