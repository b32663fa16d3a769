"""Customs: what an enterprise exports and imports each month."""

from __future__ import annotations

from functools import partial

from rongqiao.indicators.registry import Source
from rongqiao.indicators.series import declare_series, monthly

TRADE = "customs.trade_monthly"
CONSENT = "customs"
TRADED = Source("trade_monthly", (TRADE,), "series", monthly(TRADE, runs=("export_cny", "import_cny")))

# Not everybody who trades does so every month, in both directions.
_declare = partial(
    declare_series, TRADED, theme="customs", unit="cny", consent_class=CONSENT, swings="neutral"
)
_declare("export_cny", measure="export", title="出口额", title_en="Exports")
_declare("import_cny", measure="import", title="进口额", title_en="Imports", direction="neutral")
