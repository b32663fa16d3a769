"""The N regional windows: one YAML per region or park; a new one needs no Python."""
