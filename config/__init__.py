"""Composition root: settings, URLs, server entry and command line."""
