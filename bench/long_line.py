"""One delivery whose second row is a single line of 2 GB: it must be set aside by name, its neighbours must land, and memory stay small.

Run: ``python bench/long_line.py [FOLDER] [--bytes 2147483648]``. Writes twice that much.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

from rongqiao.governance.pipeline import govern
from rongqiao.kernel.identifiers import complete_uscc
from rongqiao.lake.tables import Lake

BLOCK = b"9" * (1 << 20)
FIRST, SECOND = (complete_uscc(f"91430{number}00MA4L0000{number}") for number in (1, 2))
REGISTRY = (
    "统一社会信用代码,企业名称,企业类型,登记状态,行业代码,区县代码,住所,注册资本,成立日期,法定代表人,快照日期\n"
    + "".join(
        f"{code},长沙星河{name}有限公司,有限责任公司,在业,C3071,430102,某路1号,1000000,2015-03-01,张三,2026-01-05\n"
        for code, name in ((FIRST, "机械"), (SECOND, "材料"))
    )
)
HEADER = "统一社会信用代码,评价年度,信用级别,发布日期\n"


def write(folder: Path, size: int) -> None:
    """Write a register of two enterprises, and their grades around the long line."""
    for contract, text in (("market_regulation.registry", REGISTRY), ("taxation.tax_grade", HEADER)):
        path = folder / contract / "2026-01-06.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(text.encode())
            if contract == "taxation.tax_grade":
                file.write(f"{FIRST},2024,A,2025-04-20\n".encode())
                for _ in range(size // len(BLOCK)):
                    file.write(BLOCK)
                file.write(f"\n{SECOND},2024,B,2025-04-20\n".encode())


def main() -> None:
    """Write, govern, and print what became of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="by default one that is removed afterwards")
    parser.add_argument("--bytes", type=int, default=2 << 30)
    asked = parser.parse_args()
    if asked.folder is not None:
        measure(asked.folder, asked.bytes)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), asked.bytes)


def measure(folder: Path, size: int) -> None:
    """Govern the delivery, and print what became of it as JSON."""
    write(folder / "deliveries", size)
    started = time.monotonic()
    report = govern(folder / "deliveries", Lake(folder / "lake"), None)
    (file,) = (each for each in report.files if each.contract_id == "taxation.tax_grade")
    told = {
        "line_bytes": size,
        "rows_in": file.rows_in,
        "rows_accepted": file.rows_accepted,
        "quarantined": file.quarantined_by_rule,
        "seconds": round(time.monotonic() - started, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(told, ensure_ascii=False))


if __name__ == "__main__":
    main()
