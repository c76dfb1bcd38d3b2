"""Published rows of questions and SQL in, the ones that can be learnt out, and why others were skipped."""
