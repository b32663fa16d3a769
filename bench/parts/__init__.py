"""What several benchmarks, or a long one, are put together from."""
