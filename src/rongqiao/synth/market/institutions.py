"""The 28 institutions of the synthetic market: invented, and marked as such in their names."""

from __future__ import annotations

from typing import Any

# code, brand, full name, kind, region, number of products
_ROWS: tuple[tuple[str, str, str, str, str, int], ...] = (
    ("B01", "湘江", "湘江示范银行湖南省分行", "state_bank", "43", 8),
    ("B02", "岳麓", "岳麓示范银行湖南省分行", "state_bank", "43", 8),
    ("B03", "洞庭", "洞庭示范银行湖南省分行", "state_bank", "43", 8),
    ("B04", "衡岳", "衡岳示范银行湖南省分行", "state_bank", "43", 8),
    ("B05", "芙蓉", "芙蓉示范银行湖南省分行", "state_bank", "43", 8),
    ("B06", "三湘发展", "三湘发展示范银行湖南省分行", "policy_bank", "43", 5),
    ("B07", "橘洲", "橘洲示范银行长沙分行", "joint_stock_bank", "43", 7),
    ("B08", "浏阳河", "浏阳河示范银行长沙分行", "joint_stock_bank", "43", 7),
    ("B09", "雪峰", "雪峰示范银行长沙分行", "joint_stock_bank", "43", 7),
    ("B10", "武陵源", "武陵源示范银行长沙分行", "joint_stock_bank", "43", 7),
    ("B11", "桃花源", "桃花源示范银行长沙分行", "joint_stock_bank", "43", 7),
    ("B12", "星沙", "星沙示范城市商业银行", "city_bank", "43", 9),
    ("B13", "潇湘", "潇湘示范城市商业银行", "city_bank", "43", 9),
    ("B14", "炎帝", "炎帝示范城市商业银行", "city_bank", "43", 9),
    ("B15", "长株潭", "长株潭示范农村商业银行", "rural_bank", "4301 4302 4303", 5),
    ("B16", "衡邵", "衡邵示范农村商业银行", "rural_bank", "4304 4305", 5),
    ("B17", "环洞庭", "环洞庭示范农村商业银行", "rural_bank", "4306 4307 4309", 5),
    ("B18", "湘西南", "湘西南示范农村商业银行", "rural_bank", "4308 4312 4331", 5),
    ("B19", "湘粤", "湘粤示范农村商业银行", "rural_bank", "4310 4311", 5),
    ("B20", "湄江", "湄江示范农村商业银行", "rural_bank", "4313", 5),
    ("B21", "浏河谷", "浏河谷示范村镇银行", "village_bank", "430181", 3),
    ("B22", "昭陵", "昭陵示范村镇银行", "village_bank", "4305", 3),
    ("G01", "三湘融担", "三湘示范融资担保有限公司", "guarantee_company", "43", 3),
    ("G02", "科创融担", "湘科示范融资担保有限公司", "guarantee_company", "43", 3),
    ("M01", "麓谷小贷", "麓谷示范小额贷款有限公司", "microloan_company", "4301", 3),
    ("L01", "湘装租赁", "湘装示范融资租赁有限公司", "leasing_company", "43", 2),
    ("F01", "湘链保理", "湘链示范商业保理有限公司", "factoring_company", "43", 1),
    ("I01", "潇湘信保", "潇湘示范信用保险公司湖南分公司", "insurer", "43", 1),
)


def make_institutions() -> list[dict[str, Any]]:
    """All institutions; the same for every seed.

    Returns
    -------
    list of dict
        ``code``, ``name``, ``short_name``, ``kind``, ``region_code`` (the widest it serves), ``region_codes``,
        ``phone`` (a number that is not in use), ``is_synthetic`` (always true).
    """
    return [
        {
            "code": code,
            "name": name,
            "short_name": f"{brand}示范",
            "kind": kind,
            "region_code": regions.split()[0] if " " not in regions else "43",
            "region_codes": regions.split(),
            "phone": f"0731-000{number:05d}",
            "is_synthetic": True,
        }
        for number, (code, brand, name, kind, regions, _) in enumerate(_ROWS, start=1)
    ]


def product_counts() -> dict[str, int]:
    """Institution code → number of its products."""
    return {row[0]: row[5] for row in _ROWS}


def brands() -> dict[str, str]:
    """Institution code → brand that its products carry."""
    return {row[0]: row[1] for row in _ROWS}
