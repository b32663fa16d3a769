"""Inventory of any source before it is let in: read it, profile it, guess its contract, and bring it in as deliveries."""
