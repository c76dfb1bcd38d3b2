"""Questions and models in, judged answers, numbers with intervals, a gate and a report out."""
