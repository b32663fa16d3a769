"""Pure decisions: criteria, size class, lifecycles, pricing, schedules; no I/O, no clock."""
