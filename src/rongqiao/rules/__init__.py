"""Pure decisions: criteria, size class, lifecycles, schedules, pricing, matching. No I/O, no clock.

Every number that policy can change comes in as an argument; the caller reads it from the catalogue.
"""
