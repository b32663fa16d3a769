"""Supermarkets, demands, matching, grab-and-quote, applications, loans."""
