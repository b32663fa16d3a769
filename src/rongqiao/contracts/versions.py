"""Versions of the data contracts: what changed since the last release, and whether that breaks somebody.

``standards/released.json`` holds the shape of each contract as it was last released: what a reader or a delivering
department relies on. A change that only adds asks for a new minor version; one that takes away or means something else
asks for a new major version, and is refused until it has one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from rongqiao.contracts.code_lists import code_list
from rongqiao.contracts.standards import standards_root
from rongqiao.kernel.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from rongqiao.contracts.model import Contract, Item

Effect = Literal["breaking", "additive"]
Shape = dict[str, Any]

#: What readers rely on, per table and per item; a change of any of it changes the meaning of what was stored.
_TABLE_FIELDS = ("key", "valid_on", "valid_kind", "identifier", "data_class")
_ITEM_FIELDS = ("type", "unit", "code_list", "sensitivity")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the released contract and the present one.

    Parameters
    ----------
    contract_id : str
    item_id : str or None
        The item concerned; ``None`` for the table as a whole.
    effect : str
        ``breaking`` or ``additive``.
    message : str
        What changed, in Chinese.
    """

    contract_id: str
    item_id: str | None
    effect: Effect
    message: str

    @property
    def subject(self) -> str:
        """``<contract>.<item>``, or the contract."""
        return f"{self.contract_id}.{self.item_id}" if self.item_id else self.contract_id


def released_path(root: Path | None = None) -> Path:
    """Place of the released shapes."""
    return (root or standards_root()) / "released.json"


@lru_cache(maxsize=4)
def released_shapes(root: Path | None = None) -> dict[str, Shape]:
    """Shapes by contract id, as last released; empty before the first release.

    Raises
    ------
    ContractError
        If the file is no JSON.
    """
    path = released_path(root)
    if not path.exists():
        return {}
    try:
        loaded: dict[str, Shape] = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ContractError(
            "standards/released.json", str(error), "Restore it from version control; do not edit it by hand."
        ) from error
    return loaded


def shape_of(contract: Contract) -> Shape:
    """Return what readers and the delivering department rely on, as plain values."""
    return {
        "version": contract.version,
        **{field: _plain(getattr(contract, field)) for field in _TABLE_FIELDS},
        "items": {item.id: _item_shape(item) for item in contract.items},
    }


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _item_shape(item: Item) -> dict[str, Any]:
    shape: dict[str, Any] = {field: getattr(item, field) for field in _ITEM_FIELDS}
    shape["required"] = item.is_required
    if item.code_list:
        shape["codes"] = list(code_list(item.code_list).codes)
    return {key: value for key, value in shape.items() if value not in (None, "", False)}


def compare(contract_id: str, before: Shape, after: Shape) -> list[Change]:
    """List what changed between two shapes of one contract."""
    changes = [
        Change(contract_id, None, "breaking", f"{field} 由 {before[field]} 改为 {after[field]}")
        for field in _TABLE_FIELDS
        if before[field] != after[field]
    ]
    for item_id in {**before["items"], **after["items"]}:
        old, new = before["items"].get(item_id), after["items"].get(item_id)
        changes += [Change(contract_id, item_id, effect, text) for effect, text in _compare_item(old, new)]
    return changes


def _compare_item(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> Iterator[tuple[Effect, str]]:
    if new is None:
        yield "breaking", "删除了数据项"
        return
    if old is None:
        # Files of the earlier version lack it, so they would all be rejected.
        yield ("breaking", "新增的数据项为必填") if new.get("required") else ("additive", "新增数据项")
        return
    for field in _ITEM_FIELDS:
        if old.get(field) != new.get(field):
            yield "breaking", f"{field} 由 {old.get(field)} 改为 {new.get(field)}"
    if old.get("required", False) != new.get("required", False):
        yield ("breaking", "由可空改为必填") if new.get("required") else ("breaking", "由必填改为可空")
    gone = [code for code in old.get("codes", ()) if code not in new.get("codes", ())]
    added = [code for code in new.get("codes", ()) if code not in old.get("codes", ())]
    if gone and old.get("code_list") == new.get("code_list"):
        yield "breaking", f"代码表删除了 {'、'.join(gone)}"
    if added and old.get("code_list") == new.get("code_list"):
        yield "additive", f"代码表新增了 {'、'.join(added)}"


def check_versions(
    contracts: Mapping[str, Contract],
    released: Mapping[str, Shape],
    users: Mapping[str, Sequence[str]] | None = None,
) -> list[str]:
    """Find contracts whose version does not say what changed.

    Parameters
    ----------
    contracts, released : Mapping
        Contracts as they are, and shapes as last released, by id.
    users : Mapping or None
        ``<contract>.<item>`` → who reads it; named in the message, so that the author knows what would break.

    Returns
    -------
    list of str
        One line per fault, in Chinese, with the version that is needed; empty when all is declared.
    """
    problems = [
        f"{contract_id}: 数据标准被删除；{_broken_users(contract_id, users)}请先在下一主版本标为 retired"
        for contract_id in released
        if contract_id not in contracts
    ]
    for contract_id, contract in contracts.items():
        before = released.get(contract_id)
        if before is None:
            continue
        changes = compare(contract_id, before, shape_of(contract))
        needed = _needed_version(before["version"], changes)
        if changes and _numbers(contract.version) < _numbers(needed):
            problems += [
                f"{change.subject}: {change.message}；{_broken_users(change.subject, users) if change.effect == 'breaking' else ''}"
                f"版本应升为 {needed} 或更高，现为 {contract.version}"
                for change in changes
                if change.effect == "breaking" or not any(each.effect == "breaking" for each in changes)
            ]
    return problems


def _broken_users(subject: str, users: Mapping[str, Sequence[str]] | None) -> str:
    found = [
        user
        for name, names in (users or {}).items()
        if name == subject or name.startswith(f"{subject}.")
        for user in names
    ]
    if not found:
        return ""
    shown = list(dict.fromkeys(found))
    return f"将影响 {'、'.join(shown[:8])}{f' 等 {len(shown)} 处' if len(shown) > 8 else ''}；"


def _needed_version(version: str, changes: Sequence[Change]) -> str:
    major, minor, _ = _numbers(version)
    if any(change.effect == "breaking" for change in changes):
        return f"{major + 1}.0.0"
    return f"{major}.{minor + 1}.0"


def _numbers(version: str) -> tuple[int, int, int]:
    try:
        major, minor, patch = (int(part) for part in version.split("."))
    except ValueError:
        raise ContractError("数据标准版本", version, "Give it as major.minor.patch, such as 1.2.0.") from None
    return major, minor, patch


def release(contracts: Mapping[str, Contract], root: Path | None = None) -> int:
    """Write the present shapes as released; return how many contracts changed.

    Raises
    ------
    ContractError
        If a change is not declared by the contract's version.
    """
    before = released_shapes(root)
    problems = check_versions(contracts, before)
    if problems:
        raise ContractError(
            "数据标准发布", problems[0], "Raise the version of the contract, or undo the change."
        )
    after = {contract_id: shape_of(contract) for contract_id, contract in sorted(contracts.items())}
    # One line per contract: small in version control, and a change shows as the contract's own line.
    lines = [
        f"{json.dumps(contract_id)}: {json.dumps(shape, ensure_ascii=False)}"
        for contract_id, shape in after.items()
    ]
    released_path(root).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    released_shapes.cache_clear()
    return sum(1 for contract_id, shape in after.items() if before.get(contract_id) != shape)
