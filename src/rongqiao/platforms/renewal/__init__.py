"""Renewal without repaying principal, bridging funds, refinancing."""
