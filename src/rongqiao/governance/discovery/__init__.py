"""Inventory of any source before it is let in: profile it, guess its contract, finish it, and bring it in as deliveries.

The order in which it is used: `profile_file` (or `tables`, `interfaces`), `guess`, then `revise`, `problems` and `write` of
`rongqiao.contracts.drafts`, `bring_in`, and the six steps as for any delivery.
"""

from rongqiao.contracts.drafts import problems, revise, write
from rongqiao.governance.discovery.bringing import bring_in
from rongqiao.governance.discovery.guessing import guess
from rongqiao.governance.discovery.profiling import compare, profile_file, profile_sheet

__all__ = ["bring_in", "compare", "guess", "problems", "profile_file", "profile_sheet", "revise", "write"]
