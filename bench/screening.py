"""How long the live count and distribution of a screening list takes over the whole province; prints one JSON object.

Facts of so many enterprises are drawn and laid out as publication lays them out (their values are drawn, so the columns tell nothing of
real enterprises; that they are laid out from the lake is not timed). Then lists of six conditions are drawn, and each is counted
as the builder counts it while somebody edits: total, unknown, by region, section and size, the commonest kinds, all through
disclosure control. Measured at one hundredth, one tenth and the whole of the enterprises, with the processor's time beside the wait.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

AS_OF, DAY = 202610, dt.date(2026, 11, 20)
SEED = 43
CONDITIONS = 6
P95 = 0.95


def main() -> None:
    """Prepare, measure, print, and leave nothing behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--enterprises", type=int, default=200_000, help="of the province that is drawn")
    parser.add_argument("--samples", type=int, default=100, help="lists of conditions that are counted")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="rq-bench-"))
    # The embedded server never runs as root, and has to enter.
    folder.chmod(0o755)
    os.environ["RONGQIAO_VAR"] = str(folder)
    os.environ.pop("RONGQIAO_DATABASE_URL", None)
    try:
        from config.database import setup_django

        setup_django()
        from config import demo_province

        demo_province.migrate()
        sizes = sorted({max(options.enterprises // share, 1_000) for share in (100, 10, 1)})
        grown = [measure(size, options.samples) for size in sizes]
        result = {"conditions": CONDITIONS, "samples": options.samples, **grown[-1], "grown": grown}
        result["peak_rss_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        sys.stdout.write(json.dumps(result) + "\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def lay_out(enterprises: int) -> float:
    """Draw facts and lay them out as columns; returns the seconds that took, drawing included."""
    from rongqiao.lake.columns import write_columns

    started = time.perf_counter()
    about = {"as_of": AS_OF, "known_at": DAY.isoformat()}
    write_columns(_with_groups(enterprises), name="drawn", described=about, rows_by="enterprise_id")
    return round(time.perf_counter() - started, 1)


def _with_groups(enterprises: int) -> Iterator[pa.Table]:
    """Add the number by which counts are blurred, and what a distribution is by where products do not ask for it."""
    import numpy as np
    import pyarrow as pa

    from config.matching_bench import draw_facts
    from rongqiao.indicators.fact_columns import KEY
    from rongqiao.platforms.financing.screening.counting import DIMENSIONS
    from rongqiao.platforms.financing.screening.facts import get_fact

    drawn = np.random.default_rng(SEED)
    for part in draw_facts(enterprises):
        for name in DIMENSIONS:
            if name not in part.column_names:
                words = pa.array([code for code, _ in get_fact(name).choices])
                part = part.append_column(
                    name, words.take(pa.array(drawn.integers(0, len(words), len(part))))
                )
        yield part.append_column(KEY, pa.array(drawn.integers(0, 2**32, len(part), dtype="uint32")))


def measure(enterprises: int, samples: int) -> dict[str, Any]:
    """Count drawn lists over so many enterprises; the first opens the build, as after each publication."""
    from rongqiao.platforms.financing.screening.counting import province, tell_figures
    from rongqiao.rules.screening import parse_conditions

    laid_out = lay_out(enterprises)
    started = time.perf_counter()
    columns = province().columns
    opened = time.perf_counter() - started
    drawn = random.Random(SEED)  # noqa: S311 - the same ones each time
    waits, used, told = [], [], 0
    for number in range(samples + 3):
        criteria = parse_conditions(draw_conditions(columns, drawn), most=CONDITIONS)
        started, processor = time.perf_counter(), time.process_time()
        figures = tell_figures(criteria, region="", question=str(number), day=DAY)
        if number >= 3:
            waits.append(1000 * (time.perf_counter() - started))
            used.append(1000 * (time.process_time() - processor))
            told += figures["total"] is not None
    return {
        "enterprises": enterprises,
        "laid_out_seconds": laid_out,
        "opened_ms": round(1000 * opened, 1),
        "count_p50_ms": at(waits, 0.5),
        "count_p95_ms": at(waits, P95),
        "processor_p50_ms": at(used, 0.5),
        "processor_p95_ms": at(used, P95),
        "told": told,
        "columns_bytes": sum(file.stat().st_size for file in columns.folder.iterdir()),
    }


def draw_conditions(columns: Any, drawn: random.Random) -> list[dict[str, Any]]:
    """Six conditions on six facts: bounds of two digits around values that occur, or some of the words."""
    from rongqiao.platforms.financing.screening.facts import CHOICE, NUMBER, REGION, facts

    known = [fact for name, fact in sorted(facts().items()) if name in columns]
    conditions: list[dict[str, Any]] = []
    for fact in drawn.sample(known, CONDITIONS):
        if fact.kind in (CHOICE, REGION):
            words = list(columns.words(fact.id)[1:])
            chosen = sorted(drawn.sample(words, max(1, len(words) // 2)))
            op = "in" if fact.kind == CHOICE else "within_region"
            conditions.append({"fact": fact.id, "op": op, "value": chosen, "text": fact.title})
        elif fact.kind == NUMBER:
            value = float(columns.values(fact.id)[drawn.randrange(columns.size)])
            bound = float(f"{value:.1e}") if value == value else 0.0
            conditions.append(
                {"fact": fact.id, "op": drawn.choice([">=", "<="]), "value": bound, "text": fact.title}
            )
        else:
            conditions.append(
                {"fact": fact.id, "op": drawn.choice(["is_true", "is_false"]), "text": fact.title}
            )
    return conditions


def at(values: list[float], share: float) -> float:
    """Value below which the share of the values lies."""
    return round(sorted(values)[min(int(share * len(values)), len(values) - 1)], 1)


if __name__ == "__main__":
    main()
