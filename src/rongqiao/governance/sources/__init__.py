"""Readers of departments' files: raw strings with their line numbers."""
