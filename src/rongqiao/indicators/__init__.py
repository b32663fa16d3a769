"""Declared indicators: each an Ibis expression over contract tables, computed for everyone in one pass per table.

``compute`` yields the wide table, ``write_indicators`` keeps it in the lake, ``enterprise_facts`` gives what criteria
read. One file per theme; a theme declares, :mod:`rongqiao.indicators.computation` runs.
"""

from rongqiao.indicators.computation import compute, indicators_key
from rongqiao.indicators.facts import criteria_facts, enterprise_facts
from rongqiao.indicators.province import write_indicators
from rongqiao.indicators.registry import Indicator, get_indicator, load_indicators

__all__ = [
    "Indicator",
    "compute",
    "criteria_facts",
    "enterprise_facts",
    "get_indicator",
    "indicators_key",
    "load_indicators",
    "write_indicators",
]
