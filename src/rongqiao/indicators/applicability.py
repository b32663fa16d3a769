"""Whom an indicator speaks of: everybody, or only those who have what it measures.

Coverage says how much of what a department should have told is there. That most enterprises trade with nobody abroad or burn no gas is
no gap of data, so of such indicators only those count whom the source tells of. Within them coverage still means something: who pays
into the housing fund and has two months on record of twelve is a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

EVERYBODY = "全部存续企业"


@dataclass(frozen=True, slots=True)
class Subjects:
    """Enterprises that a group of indicators applies to: those of whom any of the group has a value.

    Parameters
    ----------
    id : str
        Unique name.
    title : str
        Who they are, in Chinese.
    prefixes : tuple of str
        Beginnings of the ids of the group's indicators.
    """

    id: str
    title: str
    prefixes: tuple[str, ...]


#: Who is not among them has nothing to be told, which is no gap.
SUBJECTS = (
    Subjects("traders", "有进出口记录的企业", ("customs_export_", "customs_import_")),
    Subjects("gas_users", "有燃气户号的企业", ("utility_gas_",)),
    Subjects("water_users", "有自来水户号的企业", ("utility_water_",)),
    Subjects("depositors", "已开立住房公积金账户的企业", ("hpf_",)),
    Subjects("skilled", "登记有技能人才的企业", ("profile_skilled_staff_",)),
    Subjects("landowners", "登记有不动产取得价格的企业", ("assets_property_price_",)),
)


def subjects_of(indicator_id: str) -> Subjects | None:
    """Group whose members alone an indicator speaks of; null where it speaks of everybody."""
    return next((each for each in SUBJECTS if indicator_id.startswith(each.prefixes)), None)
