"""Formats: ISO dates everywhere."""
