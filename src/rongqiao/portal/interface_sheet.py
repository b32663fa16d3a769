"""The page about one data interface, from its one file and the contracts it answers from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.contracts.catalog import code_list, consent_purposes
from rongqiao.contracts.documents import document
from rongqiao.contracts.standards import load_contract
from rongqiao.portal.interface_words import LEVELS, MASKS, cycle_title, data_class_title, purpose_titles

if TYPE_CHECKING:
    from rongqiao.contracts.interfaces import Dataset, Interface
    from rongqiao.contracts.model import Item

TYPES = {
    "string": "文本",
    "integer": "整数",
    "decimal": "小数（以文本传输）",
    "date": "日期",
    "month": "年月（YYYYMM）",
    "boolean": "是否",
}
SENSITIVE = ("L3", "L4")
SAMPLE_ROWS = 2


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One answered item: what it is, how sensitive, what null says, how it is veiled (empty: as it is), and its codes with titles."""

    item: Item
    type_title: str
    sensitivity: str
    mask: str
    null_means: str
    codes: tuple[tuple[str, str], ...]

    @property
    def is_sensitive(self) -> bool:
        """Whether the enterprise's own interest or a person's is touched."""
        return self.item.sensitivity in SENSITIVE


@dataclass(frozen=True, slots=True)
class TableSheet:
    """One list of records of an interface, with its legal basis and who must have released it."""

    dataset: Dataset
    legal_basis: str
    limitations: str
    cycle: str
    data_class: str
    order: str
    fields: tuple[FieldLine, ...]


def tables_of(interface: Interface) -> list[TableSheet]:
    """Tables of an interface in the order of its answer."""
    return [_table(interface, each) for each in interface.datasets]


def _table(interface: Interface, dataset: Dataset) -> TableSheet:
    contract = load_contract(dataset.contract_id)
    order = ""
    if dataset.order:
        order = f"按{contract.item(dataset.order).title}{'从近到远' if dataset.is_descending else '从远到近'}"
    return TableSheet(
        dataset=dataset,
        legal_basis=contract.legal_basis,
        limitations=contract.limitations,
        cycle=cycle_title(contract.update_cycle),
        data_class=data_class_title(dataset.data_class),
        order=order,
        fields=tuple(_field(interface, dataset.contract_id, contract.item(each)) for each in dataset.fields),
    )


def _field(interface: Interface, contract_id: str, item: Item) -> FieldLine:
    veil = ""
    for mask in interface.masks:
        if (mask.contract_id, mask.item_id) == (contract_id, item.id) and mask.rule != "none":
            except_for = purpose_titles(mask.unless)
            veil = MASKS[mask.rule] + (f"（{except_for}除外）" if except_for else "")
    title = code_list("sensitivity_levels").title(item.sensitivity)
    codes = tuple(code_list(item.code_list).choices()) if item.code_list else ()
    return FieldLine(
        item,
        "代码" if codes else TYPES[item.type],
        f"{item.sensitivity} {title}",
        veil,
        item.null_means or ("必填，不会为空" if item.is_required else "标准中未载明"),
        codes,
    )


def purposes_of(interface: Interface) -> list[tuple[str, str, str]]:
    """Purposes that an interface is given for: code, name, what it covers."""
    known = consent_purposes()
    return [(each, known[each].title, known[each].description) for each in interface.purposes]


def codes_of(interface: Interface) -> list[tuple[str, list[dict[str, Any]]]]:
    """Codes that a call may be refused by, in three levels: the platform's, any department's, this department's own."""
    levels = LEVELS | {interface.provider: f"{interface.provider_title}（专用）"}
    found: dict[str, list[dict[str, Any]]] = {level: [] for level in levels}
    for code, entry in document("interface_codes").items():
        if entry["level"] in found:
            found[entry["level"]].append(
                {"code": f"{entry['level']}.{code}", "status": entry["status"], "title": entry["title"]}
            )
    return [(levels[level], entries) for level, entries in found.items() if entries]


def sample_text(body: dict[str, Any]) -> str:
    """Answer of the sandbox as text; lists are cut after two records, so that their form can be taken in."""
    shown = body | {"data": {table: rows[:SAMPLE_ROWS] for table, rows in body["data"].items()}}
    return json.dumps(shown, ensure_ascii=False, indent=2)


def client_text(interface: Interface, place: str, uscc: str) -> str:
    """Python that asks this interface by the client that comes with the platform."""
    table = interface.datasets[0]
    shown = "".join(f'\n        print(row["{each}"])' for each in table.fields[:2])
    return (
        "from rongqiao_client import Client, Refused\n\n"
        f'with Client("{place}", key="密钥编号", secret="密钥") as client:\n'
        "    try:\n"
        f'        answer = client.read("{interface.id}", uscc="{uscc}", purpose="{interface.purposes[0]}")\n'
        "    except Refused as refused:\n"
        '        raise SystemExit(f"{refused.code} {refused.title}：{refused.detail}")\n'
        f'    for row in answer.records("{table.contract_id}"):{shown}\n'
        "    print(answer.missing, answer.remaining)\n"
    )


def signing_text(interface: Interface, uscc: str) -> str:
    """Text to be signed and the header that carries the signature, for this interface."""
    path = f"/data/v1/{interface.id}?uscc={uscc}&purpose={interface.purposes[0]}"
    return (
        "待签文本 = 以下五行，以换行符（\\n）相连，末尾不加换行：\n"
        "GET\n"
        f"{path}\n"
        "1767225600                        # 当前时间，Unix 秒，与平台相差不超过 300 秒\n"
        "7f3c0a9e5b1d4c8f                  # 随机数，每次不同\n"
        "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b   # 请求体的 SM3；GET 无请求体\n\n"
        "sig = HMAC-SM3(密钥, 待签文本)，十六进制小写\n\n"
        "Authorization: RQ-HMAC-SM3 key=密钥编号, ts=1767225600, nonce=7f3c0a9e5b1d4c8f, sig=…"
    )
