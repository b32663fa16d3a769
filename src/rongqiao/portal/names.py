"""Names of codes and regions as readers know them."""

from __future__ import annotations

from rongqiao.contracts.catalog import code_list, current_region
from rongqiao.kernel.errors import RongqiaoError


def code_title(code: str | None, list_id: str) -> str:
    """Official Chinese title of a code: ``{{ product.kind|code_title:"product_kinds" }}``; null is ``—``."""
    if not code:
        return "—"
    try:
        return code_list(list_id).title(str(code))
    except RongqiaoError:
        return str(code)


def region_name(code: str | None) -> str:
    """Name of a region, with its prefecture before a county's: 长沙市芙蓉区; null is ``—``."""
    if not code:
        return "—"
    try:
        region = current_region(str(code))
    except RongqiaoError:
        return str(code)
    above = region_name(region.parent) if region.level == "county" and region.parent else ""
    return f"{above}{region.name}"
