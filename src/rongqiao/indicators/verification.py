"""What every declaration must have: words, bounds, an owner, items that it rests on, a spec, and values of its own."""

from __future__ import annotations

import importlib
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from rongqiao.contracts.catalog import consent_data_classes
from rongqiao.contracts.standards import load_contracts
from rongqiao.indicators.lineage import item_edges
from rongqiao.indicators.registry import MODULES, SPECS, Source, load_indicators
from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.home import home

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rongqiao.indicators.registry import Indicator

#: Fewer enterprises with a value other than zero are too few to tell two declarations apart, or to call them one.
TELLING = 20


def specified() -> set[str]:
    """Ids that have a spec.

    Raises
    ------
    ContractError
        If the specs are not part of this installation.
    """
    path = home() / SPECS
    if not path.is_file():
        raise ContractError("指标用例", path, "在源码目录中运行，或以 RONGQIAO_HOME 指明它。")
    return set(yaml.safe_load(path.read_text(encoding="utf-8")))


def find_problems(specs: Collection[str]) -> list[str]:
    """List what is wrong with the declarations, one sentence each; empty when nothing is.

    Parameters
    ----------
    specs : collection of str
        Ids that have a spec.
    """
    declared = load_indicators()
    contracts = load_contracts()
    found: list[str] = []
    sound: list[Indicator] = []
    for item in declared.values():
        lost = [f"{item.id}: 没有数据标准 {name}" for name in item.sources if name not in contracts]
        if not lost:
            sound.append(item)
        # Without its contracts an indicator has neither items nor an owner; the rest follows once they are there.
        found += lost or _problems_of(item, specs)
    found += [f"{name}: 有用例而没有这个指标" for name in sorted(set(specs) - set(declared))]
    return [*found, *_unused_sources(sound)]


def _problems_of(item: Indicator, specs: Collection[str]) -> Iterator[str]:
    if item.id not in specs:
        yield f"{item.id}: 没有用例，请在 {SPECS} 写明四家企业的答案"
    for name in ("title", "title_en", "formula", "owner", "items", "sources", "version"):
        if not getattr(item, name):
            yield f"{item.id}: 没有 {name}"
    least, greatest = item.bounds
    if least is not None and greatest is not None and least >= greatest:
        yield f"{item.id}: 取值范围 {item.bounds} 为空"
    if item.consent_class not in consent_data_classes():
        yield f"{item.id}: 没有数据类别 {item.consent_class}"


def _unused_sources(declared: Collection[Indicator]) -> Iterator[str]:
    """Name sources that no indicator is aggregated from, and contracts of a source that none of its indicators reads."""
    read: dict[Source, set[str]] = defaultdict(set)
    for item in declared:
        read[item.source] |= {edge.source for edge in item_edges(item.id)}
    for module in MODULES:
        for name, value in vars(importlib.import_module(f"rongqiao.indicators.{module}")).items():
            if isinstance(value, Source) and value not in read:
                yield f"{module}.{name}: 来源 {value.id} 没有指标使用"
    for source, contracts in read.items():
        for name in source.contracts:
            if name not in contracts:
                yield f"来源 {source.id}: 没有指标读取 {name}"


def find_duplicates(wide: pa.Table) -> list[tuple[str, ...]]:
    """Find groups of indicators that have the same values and the same statuses for every enterprise.

    Parameters
    ----------
    wide : pa.Table
        As `rongqiao.indicators.compute` yields it, of a town large enough to tell indicators apart.

    Returns
    -------
    list of tuple of str
        In the order of declaration. Columns with fewer than :data:`TELLING` values other than zero are left out:
        what hardly ever happens is alike without being the same.
    """
    groups: dict[bytes, list[str]] = defaultdict(list)
    for name in load_indicators():
        if name not in wide.column_names:
            continue
        values = np.asarray(wide.column(name).to_numpy(), dtype=np.float64)
        if np.count_nonzero(np.nan_to_num(values)) < TELLING:
            continue
        # Nine digits: two ways of computing the same number differ in the last ones.
        rounded = np.array([float(f"{value:.9g}") for value in values])
        statuses = pc.dictionary_encode(wide.column(f"{name}__status").cast(pa.string())).combine_chunks()
        words = statuses.dictionary.take(statuses.indices).to_pylist()
        groups[rounded.tobytes() + "".join(word[0] for word in words).encode()].append(name)
    return [tuple(names) for names in groups.values() if len(names) > 1]
