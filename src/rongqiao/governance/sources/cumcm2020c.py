"""The CUMCM 2020 problem C data set: real, anonymised invoices of a bank's customers, read in place as deliveries."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from rongqiao.governance.batch import Delivery
from rongqiao.kernel.errors import InvalidValueError

if TYPE_CHECKING:
    from pathlib import Path

#: The day the problem was published; the data set is known since then.
PUBLISHED_ON = dt.date(2020, 9, 10)
#: Last month whose invoices are complete in all files.
AS_OF = 202001
#: File → contract, and what the file as a whole says about its rows.
FILES: dict[str, tuple[str, dict[str, str]]] = {
    "attachment1_enterprises.csv": ("bank.enterprise_credit", {}),
    "attachment2_enterprises.csv": ("bank.enterprise_credit", {}),
    "attachment1_input_invoices.csv.gz": ("taxation.vat_invoice", {"direction": "in"}),
    "attachment1_output_invoices.csv.gz": ("taxation.vat_invoice", {"direction": "out"}),
    "attachment2_input_invoices.csv.gz": ("taxation.vat_invoice", {"direction": "in"}),
    "attachment2_output_invoices.csv.gz": ("taxation.vat_invoice", {"direction": "out"}),
}


def find_deliveries(folder: Path) -> list[Delivery]:
    """Turn the data set's folder into deliveries; nothing is copied.

    Raises
    ------
    InvalidValueError
        If one of the six files is missing.
    """
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise InvalidValueError(
            "数据集 cumcm2020c",
            str(folder),
            f"It lacks {', '.join(missing)}; give the data set's own folder.",
        )
    return [
        Delivery(contract_id, folder / name, PUBLISHED_ON, constants)
        for name, (contract_id, constants) in FILES.items()
    ]
