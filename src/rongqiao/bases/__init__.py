"""The two base databases."""
