"""How long the analytics plane takes from departments' files to ratings, and how much memory; prints one JSON object.

`BENCH_ENTERPRISES` sets the size (20,000 by default). Each stage is timed in one process, on fresh files.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import resource
import tempfile
import time
from pathlib import Path

from rongqiao.governance.pipeline import govern
from rongqiao.indicators import write_indicators
from rongqiao.lake.tables import Lake
from rongqiao.ledger.log import Ledger
from rongqiao.scoring.card import DEFAULT_MODEL, card_path, load_card
from rongqiao.scoring.rating import write_ratings
from rongqiao.synth.province import write_province

AS_OF, KNOWN_AT = 202610, dt.date(2026, 11, 20)


def main() -> None:
    """Run the stages in order and print their seconds."""
    enterprises = int(os.environ.get("BENCH_ENTERPRISES", "20000"))
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="rq-bench-") as name:
        folder = Path(name)
        lake, ledger = Lake(folder / "lake"), Ledger(folder / "ledger")
        deliveries = folder / "province" / "deliveries"
        card = load_card(card_path(DEFAULT_MODEL))
        stages = {
            "synth": lambda: write_province(folder / "province", enterprises=enterprises, as_of=AS_OF),
            "govern": lambda: govern(deliveries, lake, ledger),
            "govern_again": lambda: govern(deliveries, lake, ledger),
            "indicators": lambda: write_indicators(lake, as_of=AS_OF, known_at=KNOWN_AT),
            "rate": lambda: write_ratings(lake, as_of=AS_OF, known_at=KNOWN_AT, card=card),
        }
        for stage, run in stages.items():
            started = time.perf_counter()
            run()
            seconds[stage] = round(time.perf_counter() - started, 2)
        rows = sum(lake.read("operations/receipts", columns=["rows_in"]).column("rows_in").to_pylist())
    print(
        json.dumps(
            {
                "enterprises": enterprises,
                "rows": rows,
                "seconds": seconds,
                "rows_per_second": round(rows / seconds["govern"]),
                "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
