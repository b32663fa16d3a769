"""A synthetic province with planted truth, for demonstration and measurement."""
