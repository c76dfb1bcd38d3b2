"""A recipe in, a run directory out; and what every room needs: errors, files, progress, settings, records."""
