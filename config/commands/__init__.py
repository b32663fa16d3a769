"""Command-line groups; each composes rooms of the house."""
