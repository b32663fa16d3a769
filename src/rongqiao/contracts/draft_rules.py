"""Quality rules that follow from a draft's own items: keys, identity, types of values, times, and the number of rows."""

from __future__ import annotations

from typing import Any

Node = dict[str, Any]


def custom(node: Node) -> Node:
    """Return the custom properties of a document or property, by name."""
    return {entry["property"]: entry["value"] for entry in node.get("customProperties", ())}


def set_custom(node: Node, name: str, value: Any) -> None:
    """Set one custom property, or take it away with ``None``."""
    kept = [entry for entry in node.get("customProperties", ()) if entry["property"] != name]
    if value is not None:
        kept.append({"property": name, "value": value})
    node["customProperties"] = kept


def make_rules(document: Node) -> list[Node]:
    """Write the rules anew for the items as they stand."""
    table = document["schema"][0]
    nodes = table["properties"]
    extra = custom(document)
    keyed = sorted(
        (node for node in nodes if node.get("primaryKey")), key=lambda node: int(node["primaryKeyPosition"])
    )
    ids = [node["name"] for node in nodes]
    rules = []
    if keyed:
        titles = "＋".join(node["businessName"] for node in keyed)
        rules.append(_key_rule([node["name"] for node in keyed], titles))
    if extra.get("identifier") == "uscc" and "uscc" in ids:
        rules.append(_reference_rule())
        if "name" in ids:
            rules.append(
                _rule(("subject_given", "completeness", "reject"), "uscc IS NOT NULL OR name IS NOT NULL", ["uscc", "name"],
                      "统一社会信用代码与名称至少填写一项")
            )  # fmt: skip
    for node in nodes:
        rules.extend(_item_rules(node, extra.get("validOn")))
    rules.extend(_table_rules())
    return rules


def _item_rules(node: Node, valid_on: str | None) -> list[Node]:
    item, extra = node["name"], custom(node)
    rules = []
    if node["physicalType"] == "DATE" and (item == valid_on or extra.get("isPast")):
        rules.append(
            _rule(
                (f"{item}_not_future", "validity", "reject"),
                f"{item} <= delivered_on",
                [item, "delivered_on"],
                "日期不得晚于报送日",
            )
        )
    if extra.get("isPositive"):
        rules.append(
            _rule((f"{item}_not_negative", "validity", "reject"), f"{item} >= 0", [item], "不得为负数")
        )
    if extra.get("shape"):
        shape = str(extra["shape"]).replace("'", "''")
        rules.append(
            _rule(
                (f"{item}_shape", "validity", "warn"),
                f"regexp_full_match({item}, '{shape}')",
                [item],
                f"“{node['businessName']}”的写法应与以往一致",
            )
        )
    return rules


def _table_rules() -> list[Node]:
    return [
        {
            "name": "row_count_drift",
            "type": "sql",
            "query": "SELECT count(*) / any_value(previous_rows) FROM ${object}",
            "mustBeBetween": [0.5, 2.0],
            "description": "本次行数应为上次同类报送的 0.5–2 倍",
            "dimension": "coverage",
            "severity": "warn",
            "customProperties": _properties("drift", ["previous_rows"]),
        }
    ]


def _properties(family: str, columns: list[str]) -> list[Node]:
    return [{"property": "family", "value": family}, {"property": "columns", "value": columns}]


def _rule(head: tuple[str, str, str], expression: str, columns: list[str], title: str) -> Node:
    name, family, severity = head
    return {
        "name": name,
        "type": "custom",
        "engine": "duckdb",
        "implementation": expression,
        "description": title,
        "dimension": "completeness" if family == "completeness" else "conformity",
        "severity": severity,
        "customProperties": _properties(family, columns),
    }


def _key_rule(columns: list[str], titles: str) -> Node:
    return {
        "name": "duplicate_key",
        "type": "library",
        "rule": "duplicateCount",
        "mustBe": 0,
        "description": f"同一批次内“{titles}”不得重复，重复时以最后一行为准",
        "dimension": "uniqueness",
        "severity": "reject",
        "customProperties": _properties("uniqueness", columns),
    }


def _reference_rule() -> Node:
    return {
        "name": "enterprise_known",
        "type": "custom",
        "engine": "reference",
        "implementation": "market_regulation.registry.uscc",
        "description": "经清洗后应能对应到登记库中的企业",
        "dimension": "consistency",
        "severity": "reject",
        "customProperties": _properties("referential", ["uscc"]),
    }
