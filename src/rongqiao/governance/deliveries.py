"""Deliveries in a folder: which files are some, in which order they are governed, and what limits hold for them."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from rongqiao.contracts.standards import load_contracts
from rongqiao.governance import sources
from rongqiao.governance.batch import NAME_CONTRACT, SUBJECT_CONTRACTS, Delivery
from rongqiao.kernel.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rongqiao.contracts.standards import Contract
    from rongqiao.governance.sources import Limits

_FILE_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:_[^.]*)?\.")


def find_deliveries(folder: Path) -> tuple[list[Delivery], list[str]]:
    """List the deliveries under a folder, and the files that are none.

    Raises
    ------
    InvalidValueError
        If there is no such folder.
    """
    if not folder.is_dir():
        raise InvalidValueError(
            "报送目录", str(folder), "请给出报送文件夹，其中的文件放在 <部门>.<表>/<日期>.<后缀> 下。"
        )
    contracts = load_contracts()
    found, skipped = [], []
    for path in sorted(folder.glob("*/*")):
        if not path.is_file() or path.name.startswith("."):
            continue
        match = _FILE_NAME.match(path.name)
        if path.parent.name in contracts and match and sources.is_readable(path.name):
            found.append(Delivery(path.parent.name, path, dt.date.fromisoformat(match[1])))
        else:
            skipped.append(f"{path.parent.name}/{path.name}")
    return found, skipped


#: A contract and its deliveries, in the order in which they became known.
Group = tuple["Contract", list["Delivery"]]


def in_order(deliveries: Sequence[Delivery]) -> tuple[list[Group], list[Group]]:
    """Group deliveries by contract: those that others are resolved against or refer to, in order, and all others."""
    contracts = load_contracts()
    grouped: dict[str, list[Delivery]] = {}
    for delivery in sorted(deliveries, key=lambda one: (one.delivered_on, one.path.name)):
        grouped.setdefault(delivery.contract_id, []).append(delivery)
    referred = {
        rule.expression.rpartition(".")[0]
        for contract in contracts.values()
        for rule in contract.rules
        if rule.scope == "reference"
    }
    first = dict.fromkeys((*SUBJECT_CONTRACTS, NAME_CONTRACT, *sorted(referred)))
    return (
        [(contracts[name], grouped[name]) for name in first if name in grouped],
        [(contracts[name], grouped[name]) for name in sorted(grouped) if name not in first],
    )


def size_of(deliveries: Sequence[Delivery]) -> int:
    """Bytes of the files."""
    return sum(delivery.path.stat().st_size for delivery in deliveries)


def limits_for(deliveries: Sequence[Delivery]) -> Limits:
    """Limits on files that are in force on the day of the latest delivery."""
    if not deliveries:
        return sources.DEFAULT_LIMITS
    on = max(delivery.delivered_on for delivery in deliveries)
    return sources.limits_on(on)
