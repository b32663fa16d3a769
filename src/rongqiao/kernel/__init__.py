"""Values every room shares: money, rate, period, region, identifiers, decisions, errors. No I/O, no clock."""
