"""Collectors: fetch a declared source's data and lay an ordinary file among the deliveries, once, whatever happens in between."""

from rongqiao.governance.collectors.running import Outcome, Place, run_collector

__all__ = ["Outcome", "Place", "run_collector"]
