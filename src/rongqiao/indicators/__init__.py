"""Declared indicators, one file per theme; each an Ibis expression over contract tables."""
