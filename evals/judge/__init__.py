"""Gold and predicted SQL in, a verdict out: both are run, and what they return is compared."""
