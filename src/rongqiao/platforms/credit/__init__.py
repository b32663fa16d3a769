"""Portraits, ratings and credit reports, read under consent."""
