"""Intake: what departments push to the platform, and the repair of what was sent back."""
