"""The one portal: pages, HTMX fragments, public API; parses and renders, decides nothing."""
