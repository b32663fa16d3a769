"""Facts that somebody disputes: the mark beside them, the clocks, the answer, the correction."""
